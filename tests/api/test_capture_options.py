"""Options of captures over the API: the web checks them against what the camera has declared."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from cameras.drivers.options import Option
from cameras.models import Camera
from captures.models import Capture, Session
from core.broker import broker

CAPTURE, START = "/api/v1/cameras/sky/capture/", "/api/v1/cameras/sky/start/"
OPTIONS = {
    "shutter": Option("boolean", "Shutter", default=True),
    "mode": Option("choices", "Mode", choices=["single", "first"]),
    "header": Option("words", "Header words"),
}
GIVEN = {"shutter": False, "mode": "first", "header": {"lst": "12.5"}}


@pytest.fixture
def telescope(camera: Camera) -> Camera:
    """The camera `sky`, with options."""
    camera.capabilities = {"settings": {}, "options": {name: asdict(option) for name, option in OPTIONS.items()}}
    camera.save()
    return camera


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_the_options_of_a_capture_are_part_of_what_was_asked(operator: Any, telescope: Camera) -> None:
    operator.post(CAPTURE, {"exposure_us": 1000, "options": GIVEN})
    assert Capture.objects.get().asked == {"exposure_us": 1000, "options": GIVEN}


def test_the_options_of_a_capture_are_sent_to_its_host(operator: Any, telescope: Camera, valkey: Any) -> None:
    valkey.set(broker.key("host", "main"), "{}")
    operator.post(CAPTURE, {"options": GIVEN}, headers={"Prefer": "respond-async"})
    command = json.loads(valkey.lindex(broker.key("camera.main"), 0))
    assert command["arguments"]["asked"] == {"options": GIVEN}


def test_the_options_of_a_session_are_in_its_programme(operator: Any, telescope: Camera) -> None:
    operator.post(START, {"exposure_us": 1000, "options": GIVEN})
    assert Session.objects.get().programme["options"] == GIVEN


@pytest.mark.parametrize("url", [CAPTURE, START])
@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"shuter": True}, "options.shuter", "There is no such option. Did you mean shutter?"),
        ({"shutter": "closed"}, "options.shutter", "Give true or false."),
        ({"mode": "double"}, "options.mode", "Choose single or first."),
        ({"header": {"lst": "two\nlines"}}, "options.header", "lst has to be one line"),
        ({"shutter": 1}, "options.shutter.bool", "must be true or false."),
        ([], "options", "must be an object."),
    ],
    ids=str,
)
def test_an_option_that_the_camera_does_not_take_is_named(
    operator: Any, telescope: Camera, url: str, options: Any, field: str, message: str
) -> None:
    assert message in errors(operator.post(url, {"options": options}))[field]
    assert (Capture.objects.count(), Session.objects.count()) == (0, 0)


def test_a_dry_run_checks_the_options_too(operator: Any, telescope: Camera) -> None:
    assert "options.mode" in errors(operator.post(START, {"dry_run": True, "options": {"mode": "double"}}))


def test_a_camera_that_declares_no_options_takes_none(operator: Any, telescope: Camera) -> None:
    Camera.objects.update(capabilities={"settings": {}})
    assert errors(operator.post(CAPTURE, {"options": GIVEN})) == dict.fromkeys(
        ["options.shutter", "options.mode", "options.header"], "This camera takes no options."
    )


def test_the_options_of_a_camera_that_was_never_opened_are_not_known(operator: Any, camera: Camera) -> None:
    assert "never opened" in errors(operator.post(CAPTURE, {"options": GIVEN}))["options"]


def test_without_options_nothing_is_asked_for(operator: Any, camera: Camera) -> None:
    operator.post(CAPTURE, {"exposure_us": 1000, "options": None})
    assert Capture.objects.get().asked == {"exposure_us": 1000}


def test_a_schedule_has_options_that_its_cameras_take(operator: Any, telescope: Camera) -> None:
    schedule = {"name": "Darks", "cameras": ["sky"], "window": {"sun": "astronomical"}}
    refused = operator.post("/api/v1/schedules/", {**schedule, "programme": {"options": {"mirror": True}}})
    added = operator.post("/api/v1/schedules/", {**schedule, "programme": {"options": GIVEN}})
    assert list(errors(refused)) == ["programme.options.mirror"]
    assert added.json()["programme"] == {"options": GIVEN}


def test_the_capabilities_list_the_options(viewer: Any, telescope: Camera) -> None:
    options = viewer.get("/api/v1/cameras/sky/capabilities/").json()["capabilities"]["options"]
    assert options["shutter"] == {
        "type": "boolean", "label": "Shutter", "help": "", "choices": [], "default": True,
        "minimum": 0, "maximum": 0, "is_whole": False, "longest": 500,
    }  # fmt: skip
