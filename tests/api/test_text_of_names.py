"""Names, jobs and notes that would control a terminal or reverse a line are refused, on every way into the station."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Session
from core.events.models import Event
from core.text.names import is_readable
from tests.harness.stations.command_line import skycam

BAD = "dark\x1b[2J \u202efram"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/cameras/", {"slug": "new", "kind": "simulated", "name": BAD}, "name"),
        ("/api/v1/cameras/sky/capture/", {"job": BAD}, "job"),
        ("/api/v1/cameras/sky/capture/", {"note": BAD}, "note"),
        ("/api/v1/cameras/sky/start/", {"name": BAD}, "name"),
        ("/api/v1/auth/token/", {"username": "a", "password": "b", "name": BAD}, "name"),
    ],
)
def test_over_the_api(path: str, body: dict[str, str], field: str, camera: Camera, manager: Any) -> None:
    answer = manager.post(path, body, format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_over_the_api_for_an_existing_camera(camera: Camera, manager: Any) -> None:
    assert manager.patch("/api/v1/cameras/sky/", {"name": BAD}, format="json").status_code == 400
    assert Camera.objects.get().name == "Sky"


def test_on_the_page_for_a_new_camera(manager: Any) -> None:
    manager.post("/cameras/", {"slug": "new", "kind": "simulated", "name": BAD}, format="multipart")
    assert not Camera.objects.filter(slug="new").exists()


def test_on_the_page_for_a_session(camera: Camera, manager: Any) -> None:
    manager.post("/cameras/sky/start/", {"exposure": "1 s", "delay": "1 s", "name": BAD}, format="multipart")
    assert not Session.objects.exists()


def test_on_the_page_for_a_user(manager: Any) -> None:
    answer = manager.post("/users/", {"username": BAD, "role": "viewer"}, format="multipart")
    assert answer.status_code == 400


def test_on_the_command_line(camera: Camera) -> None:
    done = skycam("cameras", "set", "sky", "--name", BAD)
    assert done.exit_code == 2
    assert Camera.objects.get().name == "Sky"


def test_a_note_may_have_lines(camera: Camera, manager: Any) -> None:
    answer = manager.post("/api/v1/cameras/sky/capture/", {"note": "one\ntwo"}, format="json")
    assert answer.status_code != 400


def test_no_event_of_a_refused_name_controls_a_terminal(camera: Camera, manager: Any) -> None:
    manager.post("/accounts/login/", {"username": BAD, "password": "x"}, format="multipart")
    assert all(is_readable(sign) for event in Event.objects.all() for sign in event.message)
