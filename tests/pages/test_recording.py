"""A camera's recording on its page and its card: what they show, and their controls."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from captures.recordings.control.commands import desired_recording
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.captures import UNKNOWN
from tests.harness.rows.recorder_status import RECORDER

SCRIPT = {"HX-Request": "true"}
PAGE = "/cameras/sky/"
NO_CLIP = {"clip": None, "mb_per_min": None, "floor_s": None}
FAILING = RECORDER | NO_CLIP | {"state": "failing", "message": f"The disk is full {MARKUP}. Free some space."}
WAITING = RECORDER | NO_CLIP | {"state": "waiting", "message": "It takes a picture."}


@pytest.fixture
def desired(camera: Camera) -> Camera:
    camera.recording, camera.recording_by = "rolling", "ada"
    camera.save()
    return camera


def report_recorder(server: Any, recorder: Any, observed: str = "ready") -> None:
    recording = recorder["state"] == "recording"
    found = absent_status("sky", "connected", "")
    status.write_status(server, found | {"observed": observed, "recorder": recorder, "recording": recording})


def panel(client: Any) -> str:
    """The panel Recording of the camera's page."""
    return text_of(client.get(PAGE)).partition('id="recording"')[2].partition("</section>")[0]


def card(client: Any) -> str:
    return text_of(client.get("/")).partition('id="cam-sky"')[2].partition("</article>")[0]


def test_the_page_shows_the_clip_its_start_and_the_time_until_the_disk_is_full(
    viewer: Any, desired: Camera, valkey: Any
) -> None:
    report_recorder(valkey, RECORDER)
    shown = panel(viewer)
    for text in ("Recording", "ada, rolling", "900 frames, 12.5 MB", "12.5 MB/min", "enough for 2 d 4 h"):
        assert text in shown
    assert "<button" not in shown


def test_the_card_shows_the_recording(operator: Any, desired: Camera, valkey: Any) -> None:
    report_recorder(valkey, RECORDER)
    shown = card(operator)
    assert "Recording</span>" in shown
    assert "12.5 MB/min" in shown
    assert "Stop recording" in shown


@pytest.mark.parametrize(
    ("recorder", "tone", "sentence"),
    [(FAILING, "bad", "Free some space."), (WAITING, "warn", "Waiting for frames. It takes a picture.")],
)
def test_a_requested_recording_that_does_not_run_is_shown_with_its_reason(
    recorder: Any, tone: str, sentence: str, operator: Any, desired: Camera, valkey: Any
) -> None:
    report_recorder(valkey, recorder)
    shown = panel(operator)
    assert f'<span class="st {tone}">' in shown
    assert "Not recording" in shown
    assert sentence in shown
    assert MARKUP not in shown
    assert "Not recording" in card(operator)
    assert f"is-{tone}" in card(operator).partition(">")[0] + text_of(operator.get("/"))


def test_recording_on_a_host_that_is_down_is_unknown(operator: Any, desired: Camera, valkey: Any) -> None:
    assert "Unknown" in panel(operator)
    assert "Recording is requested, but its state is unknown." in panel(operator)


def test_a_camera_that_is_not_recording_offers_to_record(operator: Any, camera: Camera) -> None:
    assert 'data-action="record"' in panel(operator)
    assert "Record and keep" in panel(operator)


def test_a_camera_without_a_stream_says_why_it_does_not_record(operator: Any, camera: Camera) -> None:
    Camera.objects.update(capabilities={"stream": False})
    assert "has no video stream" in panel(operator)
    assert "<button" not in panel(operator)


@pytest.mark.parametrize("kind", ["rolling", "manual"])
def test_an_operator_starts_a_recording(kind: str, operator: Any, camera: Camera, valkey: Any) -> None:
    desired = desired_recording(Camera(slug="sky", recording=kind, recording_by="a-operator"))
    with camera_host(valkey, {"record": {"clip": UNKNOWN, "recorder": RECORDER}}) as commands:
        answer = operator.post(f"{PAGE}record/", {"kind": kind}, format="multipart", headers=SCRIPT)
    assert "Recording." in text_of(answer)
    assert commands[0]["arguments"]["recording"] == desired


def test_the_page_says_that_a_request_is_stored_for_later(operator: Any, camera: Camera, valkey: Any) -> None:
    answer = text_of(operator.post(f"{PAGE}record/", headers=SCRIPT))
    assert 'class="message warn"' in answer
    assert "Sky starts recording as soon as it can; the request is stored." in answer


def test_an_operator_stops_a_recording(operator: Any, desired: Camera, valkey: Any) -> None:
    with camera_host(valkey, {"record": {"clip": UNKNOWN, "recorder": None}}):
        answer = text_of(operator.post(f"{PAGE}stop-recording/", headers=SCRIPT))
    assert "Recording stopped" in answer
    assert Camera.objects.get().recording == ""


def test_another_kind_of_clip_is_refused(operator: Any, camera: Camera) -> None:
    answer = operator.post(f"{PAGE}record/", {"kind": "eternal"}, format="multipart", headers=SCRIPT)
    assert "No such kind of clip" in text_of(answer)
