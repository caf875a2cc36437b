"""Recording over the API and the desired state: what is stored, sent to the camera's host, refused and recorded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.spec import waiting_recorder
from cameras.status import status
from cameras.status.messages import absent_status
from captures.recordings.control import commands as recording_commands
from captures.recordings.control.commands import desired_recording
from core.broker import broker
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.captures import UNKNOWN
from tests.harness.waiting import PATIENCE_S

RECORD = "/api/v1/cameras/sky/record/"
STOP = "/api/v1/cameras/sky/stop-recording/"
HANG_S = 3600.0
"""A wait that no test survives."""
FULL = {"ok": False, "problem": "disk-full", "reason": "disk_full", "detail": "The disk is full."}


def observed(camera: Camera) -> dict[str, Any]:
    """A host's answer once the camera records."""
    desired: Any = desired_recording(Camera(slug=camera.slug, recording="rolling", recording_by="a-operator"))
    recorder = {**waiting_recorder(desired, ""), "state": "recording", "clip": UNKNOWN, "frames": 2}
    return {"clip": UNKNOWN, "recorder": recorder}


class Desired(NamedTuple):
    """The desired kind of recording, and who wants it."""

    kind: str = ""
    by: str = ""


def desired(camera: Camera) -> Desired:
    camera.refresh_from_db()
    return Desired(camera.recording, camera.recording_by)


def outcomes(order: str) -> list[str]:
    return [event.data["outcome"] for event in Event.objects.filter(data__order=order).order_by("at", "id")]


def test_a_start_is_stored_sent_and_answered_with_the_observed_state(
    operator: Any, camera: Camera, valkey: Any
) -> None:
    with camera_host(valkey, {"record": observed(camera)}) as commands:
        answer = operator.post(RECORD, {"kind": "rolling"})
    body = answer.json()
    assert answer.status_code == 200
    assert body["camera"] == "sky"
    assert body["desired"] == "rolling"
    assert body["recording"] is True
    assert body["clip"] == UNKNOWN
    assert body["recorder"]["by"] == "a-operator"
    assert commands[0]["arguments"]["recording"] == desired_recording(Camera.objects.get())
    assert desired(camera) == Desired("rolling", by="a-operator")
    assert outcomes("record") == ["wished", "done"]


def test_starting_twice_changes_nothing(operator: Any, manager: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"record": observed(camera)}):
        answers = [client.post(RECORD).status_code for client in (operator, manager)]
    assert answers == [200, 200]
    assert desired(camera) == Desired("rolling", by="a-operator")
    assert outcomes("record") == ["wished", "done"]


def test_another_kind_is_another_desired_recording(operator: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"record": observed(camera)}):
        operator.post(RECORD)
        operator.post(RECORD, {"kind": "manual"})
    assert desired(camera) == Desired("manual", by="a-operator")


def test_a_stop_is_answered_with_the_finalized_clip(operator: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(recording="rolling", recording_by="ada")
    with camera_host(valkey, {"record": {"clip": UNKNOWN, "recorder": None}}) as commands:
        answer = operator.post(STOP)
    expected = {"camera": "sky", "desired": None, "recording": False, "recorder": None, "clip": UNKNOWN}
    assert answer.status_code == 200
    assert answer.json() == expected
    assert commands[0]["arguments"]["recording"] is None
    assert desired(camera) == Desired()


def test_stopping_a_disconnected_camera_needs_no_host(operator: Any, camera: Camera) -> None:
    Camera.objects.update(recording="rolling", connected=False)
    answer = operator.post(STOP)
    assert answer.status_code == 200
    assert desired(camera) == Desired()


@pytest.mark.parametrize(("body", "left"), [({}, "manual"), ({"kind": "rolling"}, "rolling")])
def test_manual_clips_become_rolling_ones_only_on_request(
    body: dict[str, str], left: str, operator: Any, camera: Camera, valkey: Any
) -> None:
    Camera.objects.update(recording="manual", recording_by="ann")
    with camera_host(valkey, {"record": {"ok": True, "body": observed(camera)}}):
        operator.post(RECORD, body)
    assert desired(camera).kind == left


@pytest.mark.parametrize(("path", "left"), [(RECORD, "rolling"), (STOP, "")])
def test_without_a_host_the_request_is_stored_and_the_answer_says_so(
    path: str, left: str, operator: Any, camera: Camera, valkey: Any
) -> None:
    Camera.objects.update(recording="" if left else "rolling")
    answer = operator.post(path)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/host-down"
    assert "as soon as" in answer.json()["detail"]
    assert desired(camera).kind == left


def test_without_a_broker_the_request_is_stored_too(operator: Any, camera: Camera) -> None:
    answer = operator.post(RECORD)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"
    assert desired(camera).kind == "rolling"
    assert outcomes("record") == ["wished", "broker-down"]


def test_a_full_disk_is_reported_and_the_request_stored(operator: Any, camera: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"record": FULL}):
        answer = operator.post(RECORD)
    assert answer.status_code == 507
    assert answer.json()["type"] == "/problems/disk-full"
    assert answer.json()["detail"] == "The disk is full. sky starts recording as soon as it can; the request is stored."
    assert desired(camera).kind == "rolling"


def test_the_wait_for_an_absent_camera_is_short_and_the_answer_has_the_reason(
    operator: Any, camera: Camera, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_commands, "UNREACHABLE_S", 0.2)
    monkeypatch.setattr(recording_commands, "START_S", HANG_S)
    valkey.set(broker.key("host", "main"), "{}")
    status.write_status(valkey, absent_status("sky", "connected", "Its cable is out.") | {"observed": "reconnecting"})
    answer = operator.post(RECORD)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/camera-not-reachable"
    assert answer.json()["detail"].startswith("sky is reconnecting. Its cable is out. sky starts recording as soon as")


@pytest.mark.parametrize("path", [RECORD, STOP])
def test_a_camera_that_another_user_holds_does_not_change(path: str, operator: Any, camera: Camera) -> None:
    now = timezone.now()
    Camera.objects.update(held_by="ada", held_since=now, held_until=now + timedelta(minutes=1), recording="manual")
    answer = operator.post(path)
    assert answer.status_code == 409
    assert answer.json()["held_by"] == "ada"
    assert desired(camera).kind == "manual"


def test_a_camera_without_a_stream_is_refused(operator: Any, camera: Camera) -> None:
    Camera.objects.update(capabilities={"stream": False, "preview": True})
    answer = operator.post(RECORD)
    assert answer.status_code == 400
    assert desired(camera) == Desired()
    assert "gives no stream of frames" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [{"kind": "experiment"}, {"kind": None}, {"clip_s": 3}, []])
def test_an_invalid_request_is_refused(body: Any, operator: Any, camera: Camera) -> None:
    assert operator.post(RECORD, body).status_code == 400
    assert desired(camera) == Desired()


def test_a_new_clip_needs_a_recording_camera(camera: Camera, valkey: Any) -> None:
    with pytest.raises(recording_commands.NotRecording, match="is not recording"):
        recording_commands.new_clip(camera, "ada")
    Camera.objects.update(recording="rolling")
    with camera_host(valkey, {"rotate": {"clip": UNKNOWN}}):
        assert recording_commands.new_clip(camera, "ada") == UNKNOWN
    assert outcomes("new-clip") == ["done"]


@pytest.mark.django_db(transaction=True)
def test_only_one_of_eight_simultaneous_requests_starts_the_recording(camera: Camera, valkey: Any) -> None:
    together = Barrier(8)

    def start(actor: str) -> bool:
        together.wait(PATIENCE_S)
        try:
            return recording_commands.record(camera, actor=actor)["recording"]
        finally:
            connection.close()

    with camera_host(valkey, {"record": observed(camera)}), ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(start, [f"person-{number}" for number in range(8)]))
    assert recorded == [True] * 8
    assert outcomes("record") == ["wished", "done"]
    assert desired(camera).by == Event.objects.get(data__order="record", data__outcome="wished").actor
