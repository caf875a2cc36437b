"""API, pages and command line never show a network camera's password."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cameras.models import Camera
from core.events.models import Event
from tests.harness.stations.command_line import answer, skycam

URL = "/api/v1/cameras/"
SECRET = "sesame-open"
ADDRESS = f"rtsp://viewer:{SECRET}@10.0.0.9/live"
SHOWN = "rtsp://viewer:***@10.0.0.9/live"

pytestmark = pytest.mark.django_db


@pytest.fixture
def yard(manager: Any) -> Any:
    """The answer to adding the camera."""
    return manager.post(URL, {"slug": "yard", "kind": "network", "address": ADDRESS})


def stored_address() -> str:
    return Camera.objects.get(slug="yard").full_address


def test_the_password_is_accepted_and_not_returned(manager: Any, yard: Any) -> None:
    assert yard.status_code == 201
    assert yard.json()["address"] == SHOWN
    assert stored_address() == ADDRESS


@pytest.mark.parametrize("path", ["", "yard/", "yard/settings/", "yard/capabilities/"])
def test_no_answer_holds_the_password(viewer: Any, yard: Any, path: str) -> None:
    assert SECRET not in viewer.get(f"{URL}{path}").content.decode()


def test_no_event_holds_the_password(manager: Any, yard: Any) -> None:
    manager.patch(f"{URL}yard/", {"address": ADDRESS.replace("live", "other")})
    assert SECRET not in manager.get("/api/v1/events/").content.decode()
    assert SECRET not in json.dumps(list(Event.objects.values()), default=str)


def test_an_unchanged_redacted_address_keeps_its_password(manager: Any, yard: Any) -> None:
    assert manager.patch(f"{URL}yard/", {"address": SHOWN, "name": "Yard"}).status_code == 200
    assert stored_address() == ADDRESS


def test_another_host_needs_the_password_again(manager: Any, yard: Any) -> None:
    problem = manager.patch(f"{URL}yard/", {"address": SHOWN.replace("10.0.0.9", "10.0.0.66")})
    assert problem.status_code == 400
    assert problem.json()["errors"] == [
        {
            "field": "address",
            "message": "password must be given again, because the place rtsp://viewer@10.0.0.9 changes: a stored "
            "secret is not sent to another place.",
        }
    ]


@pytest.mark.parametrize("kind", ["network", "opencv", "gphoto2", "simulated", "none"])
def test_a_bad_address_is_refused_without_being_repeated(manager: Any, kind: str) -> None:
    problem = manager.post(URL, {"slug": "yard", "kind": kind, "address": f"ftp://viewer:{SECRET}@10.0.0.9/"})
    assert problem.status_code == 400
    assert SECRET not in problem.content.decode()


@pytest.mark.parametrize("page", ["/", "/cameras/yard/", "/cameras/yard/settings/", "/events/"])
def test_no_page_shows_the_password(manager: Any, yard: Any, page: str) -> None:
    shown = manager.get(page)
    assert shown.status_code == 200
    assert SECRET not in shown.content.decode()


def test_the_command_line_prompts_for_the_password_and_does_not_show_it() -> None:
    words = ("cameras", "add", "yard", "--kind", "network", "--address", "rtsp://viewer@10.0.0.9/live", "--password")
    result = skycam(*words, given=f"{SECRET}\n")
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert stored_address() == ADDRESS
    assert answer("cameras", "list")["results"][0]["address"] == SHOWN


def test_the_command_line_changes_only_the_password(yard: Any) -> None:
    result = skycam("cameras", "set", "yard", "--password", given="p@ss/word\n")
    assert result.exit_code == 0, result.output
    assert stored_address() == "rtsp://viewer:p%40ss%2Fword@10.0.0.9/live"


def test_a_password_without_a_name_is_an_error() -> None:
    result = skycam(
        "cameras", "add", "yard", "--kind", "network", "--address", "rtsp://10.0.0.9/live", "--password", "x"
    )
    assert result.exit_code == 2
    assert "A password needs a name: rtsp://NAME@host/path." in result.output


def test_the_configuration_shows_no_key() -> None:
    assert answer("config", "show")["address_secret"] == "********"
