"""Commands over the API without a camera host. The tests of the whole station cover commands with one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from cameras.models import Camera
from captures.models import Capture, Session
from core.broker import broker
from tests.harness.rows.captures import saved
from tests.harness.rows.keyed_requests import KEY, interrupted

CAPTURE = "/api/v1/cameras/sky/capture/"
COMMANDS = ["connect/", "disconnect/", "start/"]
MUTE_S = 1.5
"""How long a call waits for a broker that does not answer."""


def test_without_a_broker_a_capture_fails_and_is_recorded(operator: Any, camera: Camera) -> None:
    answer = operator.post(CAPTURE, {"exposure_us": 1000})
    capture = Capture.objects.get()
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"
    assert answer.json()["capture"] == str(capture.id)
    assert answer.json()["reason"] == "host_down"
    assert capture.status == "failed"
    assert capture.reason == "host_down"
    assert capture.requested_by == "a-operator"


def test_without_a_camera_host_a_capture_fails_and_is_recorded(operator: Any, camera: Camera, valkey: Any) -> None:
    answer = operator.post(CAPTURE, {"exposure_us": 1000})
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/host-down"
    assert "main" in answer.json()["detail"]
    assert Capture.objects.get().status == "failed"
    assert Capture.objects.get().reason == "host_down"


def without_updates(execute: Any, sql: str, *rest: Any) -> Any:
    """A database that fails after the row is inserted."""
    if sql.startswith('UPDATE "captures_capture"'):
        raise OperationalError("database is locked")
    return execute(sql, *rest)


def test_an_unsent_capture_without_an_outcome_has_no_row(operator: Any, camera: Camera) -> None:
    with connection.execute_wrapper(without_updates):
        assert operator.post(CAPTURE, {"exposure_us": 1000}).status_code == 503
    assert Capture.objects.count() == 0


@pytest.fixture
def mute_broker(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A broker with the camera's host that accepts commands but never answers."""
    monkeypatch.setattr(broker, "ANSWER_S", MUTE_S)
    broker.connection.cache_clear()
    valkey.set(broker.key("host", "main"), "{}")
    valkey.client_pause(60_000, all=False)
    return valkey


def test_a_capture_whose_command_may_be_sent_stays_planned(operator: Any, camera: Camera, mute_broker: Any) -> None:
    answer = operator.post(CAPTURE, {"exposure_us": 1000})
    capture = Capture.objects.get()
    assert answer.status_code == 202
    assert answer.json()["id"] == str(capture.id)
    assert capture.status == "planned"
    assert capture.deadline_ms is not None


def test_a_session_whose_start_may_be_sent_is_desired_stopped_with_a_higher_revision(
    operator: Any, camera: Camera, mute_broker: Any
) -> None:
    answer = operator.post("/api/v1/cameras/sky/start/", {"exposure_s": 1, "delay_s": 2})
    session = Session.objects.get()
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"
    assert session.state == "planned"
    assert session.desired == "stopped"
    assert session.revision == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_broker_a_command_is_503(command: str, operator: Any, camera: Camera) -> None:
    answer = operator.post(f"/api/v1/cameras/sky/{command}")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_camera_host_a_command_is_503(command: str, operator: Any, camera: Camera, valkey: Any) -> None:
    answer = operator.post(f"/api/v1/cameras/sky/{command}")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/host-down"


def test_a_disconnection_is_stored_without_a_broker(operator: Any, camera: Camera) -> None:
    operator.post("/api/v1/cameras/sky/disconnect/")
    camera.refresh_from_db()
    assert camera.connected is False


def test_a_session_that_could_not_be_sent_does_not_start_later(operator: Any, camera: Camera, valkey: Any) -> None:
    operator.post("/api/v1/cameras/sky/start/", {"exposure_s": 1, "delay_s": 2})
    session = Session.objects.get()
    assert session.state == "failed"
    assert session.desired == "stopped"
    assert session.reason == "host_down"
    assert session.programme["exposure_us"] == 1_000_000
    assert session.programme["delay_s"] == 2


def test_the_seeds_start_accepts_its_own_names(operator: Any, camera: Camera) -> None:
    operator.post("/api/camera/start/", {"exposure": 0.5, "delay": 3, "f_number": 2.8})
    programme = Session.objects.get().programme
    assert programme["exposure_us"] == 500_000
    assert programme["delay_s"] == 3
    assert programme["f_number"] == 2.8


def test_start_has_the_seeds_defaults(operator: Any, camera: Camera) -> None:
    operator.post("/api/v1/cameras/sky/start/")
    assert Session.objects.get().programme == {"exposure_us": 8_000_000, "delay_s": 12.0, "f_number": 1.4}


def test_a_held_camera_is_refused_with_holder_and_time(operator: Any, camera: Camera) -> None:
    held = Session.objects.create(camera=camera, programme={}, created_by="ada", name="meteors", state="running")
    answer = operator.post("/api/v1/cameras/sky/start/")
    problem = answer.json()
    assert answer.status_code == 409
    assert problem["type"] == "/problems/held"
    assert problem["session"] == str(held.id)
    assert problem["held_by"] == "ada"
    assert problem["since"][:10] == f"{held.created_at:%Y-%m-%d}"
    assert "meteors" in problem["detail"]


def test_a_stop_without_a_session_is_refused(operator: Any, camera: Camera) -> None:
    answer = operator.post("/api/v1/cameras/sky/stop/")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "No session runs on sky."


def test_a_stop_is_stored_without_a_broker(operator: Any, camera: Camera) -> None:
    session = Session.objects.create(camera=camera, programme={}, state="running", created_by="a-operator")
    assert operator.post(f"/api/v1/sessions/{session.id}/stop/").status_code == 503
    session.refresh_from_db()
    assert session.state == "running"
    assert session.desired == "stopped"
    assert session.revision == 2


def test_stopping_an_ended_session_changes_nothing(operator: Any, camera: Camera) -> None:
    session = Session.objects.create(camera=camera, programme={}, state="finished")
    answer = operator.post(f"/api/v1/sessions/{session.id}/stop/")
    assert answer.status_code == 200
    assert answer.json()["state"] == "finished"


REASONS = [
    ("camera_held", "held", 409),
    ("camera_hung", "camera-not-reachable", 503),
    ("disk_full", "disk-full", 507),
    ("too_slow", "too-slow", 504),
    ("host_down", "host-down", 503),
    ("rejected_setting", "capture-failed", 502),
    ("write_error", "capture-failed", 502),
]


@pytest.mark.parametrize(("reason", "problem", "status"), REASONS)
def test_a_capture_that_failed_is_a_problem_with_its_id_and_reason(
    reason: str, problem: str, status: int, operator: Any, camera: Camera
) -> None:
    row = interrupted("a-operator", CAPTURE, {})
    first = saved(camera, id=row.resource_id)
    Capture.objects.update(status="failed", reason=reason, message="The reason.")
    answer = operator.post(CAPTURE, {}, headers={"idempotency-key": KEY})
    body = answer.json()
    assert answer.status_code == status
    assert body["type"] == f"/problems/{problem}"
    assert body["detail"] == "The reason."
    assert body["capture"] == str(first.id)
    assert body["capture_status"] == "failed"
    assert body["reason"] == reason


def test_a_capture_that_was_skipped_is_a_problem_too(operator: Any, camera: Camera) -> None:
    saved(camera, id=interrupted("a-operator", CAPTURE, {}).resource_id)
    Capture.objects.update(status="skipped", reason="vetoed")
    answer = operator.post(CAPTURE, {}, headers={"idempotency-key": KEY})
    assert answer.json()["type"] == "/problems/capture-skipped"
