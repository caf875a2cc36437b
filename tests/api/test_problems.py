from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from cameras.errors import ControlError
from cameras.models import Camera
from captures.models import Capture, Session
from core.api.exceptions import problem_of
from core.api.problems import PROBLEMS
from core.events.models import Event

CAPTURE = "/api/v1/cameras/sky/capture/"
START = "/api/v1/cameras/sky/start/"
BAD_BODIES = [
    (CAPTURE, {"exposure_us": "long"}, "exposure_us", "must be a whole number."),
    (CAPTURE, {"exposure_us": 0}, "exposure_us", "must be at least 1."),
    (CAPTURE, {"exposure_us": True}, "exposure_us", "must be a number, not true or false."),
    (CAPTURE, {"exposure_us": 1.5}, "exposure_us", "must be a whole number."),
    (CAPTURE, {"gain": True}, "gain", "must be a number"),
    (START, {"cadence_s": True}, "cadence_s", "must be a number"),
    (CAPTURE, {"gain": -1}, "gain", "must be at least 0."),
    (CAPTURE, {"exposure": 1}, "exposure", "is not known here."),
    (CAPTURE, {"format": "../x"}, "format", "must match the pattern ^[A-Za-z0-9+ ._()-]+$."),
    (CAPTURE, [1], "", "The body must be an object."),
    (START, {"exposure_s": 1, "exposure_us": 1}, "", "Give the exposure once: `exposure_s` or another, not both."),
    (START, {"exposure_s": "8"}, "exposure_s", "must be a number"),
    (START, {"exposure_s": 0}, "exposure_s", "must be above 0."),
    (START, {"exposure_s": 3601}, "exposure_s", "must be at most 3600."),
    (START, {"cadence_s": 1}, "", "cadence_s is shorter than the exposure."),
    (START, {"until": "2020-01-01T00:00:00Z"}, "", "until is over already."),
    (START, {"until": "9999-12-31T23:59:59-01:00"}, "until", "This time is beyond the calendar."),
    (START, {"until": "9999-12-31T23:59:59Z"}, "", "until is more than ten years ahead."),
    (START, {"until": "2020-01-01T00:00:00"}, "until", "needs a time zone, such as Z or +02:00."),
    ("/api/camera/start/", {"delay": 1, "delay_s": 1}, "", "Give `delay` or `delay_s`, not both."),
    ("/api/v1/cameras/", {"slug": "../x", "kind": "simulated"}, "slug", "A camera's id is 1 to 40 lower-case"),
    ("/api/v1/cameras/", {"slug": "new", "kind": "film"}, "kind", "There is no kind 'film'; known are: "),
    ("/api/v1/cameras/", {"slug": "detect", "kind": "simulated"}, "slug", "A camera cannot be called detect"),
    ("/api/v1/cameras/", {"slug": "sky", "kind": "simulated"}, "slug", "There is a camera 'sky' already."),
    ("/api/v1/cameras/", {"slug": "new", "kind": "opencv", "address": "concat:/etc/passwd"}, "address", ""),
    ("/api/v1/cameras/", {"slug": "new", "kind": "simulated", "settings": {"colour": 1}}, "settings", "colour: "),
    (
        "/api/v1/cameras/",
        {"slug": "new", "kind": "simulated", "settings": {"gain": True}},
        "settings",
        "gain: True is not",
    ),
]


@pytest.mark.parametrize(("url", "body", "field", "message"), BAD_BODIES)
def test_bad_input_is_named_and_changes_nothing(
    url: str, body: Any, field: str, message: str, manager: Any, camera: Camera
) -> None:
    answer = manager.post(url, body)
    problem = answer.json()
    assert answer.status_code == 400
    assert problem["type"] == "/problems/invalid"
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["message"][: len(message)] == message
    rows = (Camera.objects.count(), Capture.objects.count(), Session.objects.count(), Event.objects.count())
    assert rows == (1, 0, 0, 0)


def test_a_problem_has_every_member_and_its_content_type(viewer: Any, camera: Camera) -> None:
    answer = viewer.get("/api/v1/cameras/none/")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/not-found",
        "title": "There is no such thing",
        "status": 404,
        "detail": "There is nothing here, or nothing that you may see.",
        "instance": "/api/v1/cameras/none/",
    }


RAW_BODIES = [
    (b"{", "JSON parse error"),
    (b'{"gain": NaN}', "JSON parse error"),
    (b'{"gain": 1' + b"0" * 5000 + b"}", "JSON parse error"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[" * 51 + b"1" + b"]" * 51, "nested too deeply. At most 50"),
    (b"[" * 900 + b'"",' * 200_000 + b'""' + b"]" * 900, "nested too deeply"),
    (b'{"note": "\\u0000"}', "cannot be stored"),
    (b'{"note": "\\ud800"}', "cannot be stored"),
    (b'{"\\u0000": 1}', "cannot be stored"),
    (b"[" * 50 + b'"\\u0000"' + b"]" * 50, "cannot be stored"),
    (b"\xff\xfe", "JSON parse error"),
]


@pytest.mark.parametrize(("body", "message"), RAW_BODIES, ids=range(len(RAW_BODIES)))
def test_a_body_that_is_not_json_is_refused(body: bytes, message: str, operator: Any, camera: Camera) -> None:
    answer = operator.generic("POST", CAPTURE, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert message in answer.json()["detail"]


def test_a_form_is_refused_as_a_media_type(operator: Any, camera: Camera) -> None:
    answer = operator.generic("POST", CAPTURE, "gain=1", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert answer.json()["type"] == "/problems/unsupported-media-type"


def test_an_unsupported_method_is_a_problem(viewer: Any) -> None:
    assert viewer.put("/api/v1/cameras/").json()["type"] == "/problems/method-not-allowed"


def test_an_unknown_url_is_a_problem_only_under_the_api(viewer: Any) -> None:
    assert viewer.get("/api/v2/").json()["type"] == "/problems/not-found"
    assert viewer.get("/nothing")["Content-Type"].startswith("text/html")


def test_a_wrong_host_is_a_problem(viewer: Any) -> None:
    answer = viewer.get("/api/v1/cameras/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid"


def test_an_unexpected_error_is_reported_without_details(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_rows: Any, _user: Any) -> Any:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("cameras.camera_display.shown_cameras", broken)
    viewer.raise_request_exception = False
    answer = viewer.get("/api/v1/cameras/")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal"
    assert b"secret" not in answer.content


def test_a_missing_camera_called_primary_gets_an_explanation(viewer: Any) -> None:
    answer = viewer.get("/api/camera/status/")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/no-primary-camera"


@pytest.mark.parametrize("name", ["held", "busy", "camera-not-reachable", "host-down", "too-slow", "disk-full"])
def test_a_cameras_refusal_keeps_its_type(name: str) -> None:
    problem = problem_of(ControlError("It is so.", name, "because"))
    assert problem is not None
    assert problem.type == name
    assert problem.detail == "It is so."
    assert problem.extensions == {"reason": "because"}


def test_a_refusal_of_a_newer_host_is_a_camera_that_cannot_be_reached() -> None:
    problem = problem_of(ControlError("It is so.", "haunted"))
    assert problem is not None
    assert problem.type == "camera-not-reachable"


def test_a_locked_database_is_a_problem() -> None:
    problem = problem_of(OperationalError("database is locked"))
    assert problem is not None
    assert PROBLEMS[problem.type][0] == 503
    assert "locked" in problem.detail
