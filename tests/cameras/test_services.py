"""Two people change a camera's row: each changes only the fields they name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cameras.command_events import ATTEMPT_PHRASES
from cameras.connection import set_connected
from cameras.editing.services import remove_camera
from cameras.errors import ControlError
from cameras.leases import LeaseHeld, acquire_lease
from cameras.models import Camera
from cameras.settings.service import set_settings
from captures.models import Session
from core.events.models import Event
from tests.harness.project import PROJECT
from tests.harness.rows.cameras import add_camera, change_camera

pytestmark = pytest.mark.django_db
STREAM = "rtsp://10.0.0.9:554/live"


@pytest.fixture
def camera() -> Camera:
    return Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")


@pytest.fixture
def as_read_before(camera: Camera) -> Camera:
    """The row as another user read it before it was disconnected and its settings changed."""
    before = Camera.objects.get(pk=camera.pk)
    Camera.objects.update(connected=False, enabled=False, settings={"exposure_us": 900})
    return before


@pytest.fixture
def session(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, programme={}, state="running")


def desired(camera: Camera) -> tuple[Any, ...]:
    camera.refresh_from_db()
    return camera.name, camera.connected, camera.enabled, camera.settings


def test_a_new_name_keeps_what_another_user_set(as_read_before: Camera) -> None:
    changed = change_camera(as_read_before, {"name": "Zenith"})
    assert desired(as_read_before) == ("Zenith", False, False, {"exposure_us": 900})
    assert changed.connected is False


def test_a_disconnection_does_not_enable_what_another_user_disabled(as_read_before: Camera) -> None:
    set_connected(as_read_before, False)
    assert desired(as_read_before)[1:3] == (False, False)


def test_a_removal_keeps_the_settings_that_another_user_set(as_read_before: Camera) -> None:
    remove_camera(as_read_before)
    assert desired(as_read_before)[3] == {"exposure_us": 900}


CHANGES: dict[str, Callable[[Camera], object]] = {
    "made primary": lambda camera: change_camera(camera, {"primary": True}),
    "removed": remove_camera,
    "disconnected": lambda camera: set_connected(camera, False),
    "set": lambda camera: set_settings(camera, {"gain": 2.0}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_camera_that_was_removed_meanwhile_is_not_changed(camera: Camera, change: Callable[[Camera], object]) -> None:
    Camera.objects.create(slug="dome", name="Dome", kind="simulated", host="main", primary=True)
    Camera.objects.filter(pk=camera.pk).update(removed_at=timezone.now())
    rows = list(Camera.objects.values())
    with pytest.raises(Camera.DoesNotExist):
        change(camera)
    assert list(Camera.objects.values()) == rows
    assert Event.objects.count() == 0


@pytest.fixture
def streamed(camera: Camera, session: Session) -> Camera:
    """A network camera with a session."""
    Camera.objects.update(kind="network", address=STREAM)
    return Camera.objects.get()


@pytest.mark.parametrize("change", [{"host": "other"}, {"enabled": False}], ids=str)
def test_a_camera_with_a_session_keeps_its_host_and_stays_enabled(
    camera: Camera, session: Session, change: dict[str, Any]
) -> None:
    with pytest.raises(ControlError, match=r"sky runs a session\. Stop it first\."):
        change_camera(camera, change)
    assert camera.host == "main"
    assert desired(camera)[2] is True


def test_a_camera_with_a_session_keeps_its_address(streamed: Camera) -> None:
    with pytest.raises(ControlError, match=r"sky runs a session\. Stop it first\."):
        change_camera(streamed, {"name": "Zenith", "address": "rtsp://10.0.0.10:554/live"})
    assert desired(streamed)[0] == "Sky"
    assert streamed.address == STREAM


@pytest.mark.parametrize("address", [STREAM, f"  {STREAM} "])
def test_an_address_that_is_the_same_is_no_change(streamed: Camera, address: str) -> None:
    change_camera(streamed, {"name": "Zenith", "address": address})
    assert desired(streamed)[0] == "Zenith"
    assert streamed.address == STREAM


def test_a_camera_with_a_session_is_not_removed(camera: Camera, session: Session) -> None:
    with pytest.raises(ControlError, match=r"sky runs a session\. Stop it first\."):
        remove_camera(camera)
    assert desired(camera)[2] is True
    assert Camera.objects.present().count() == 1


def test_once_its_session_is_over_it_is_removed(camera: Camera, session: Session) -> None:
    Session.objects.update(state="stopped")
    remove_camera(camera)
    assert not Camera.objects.present().exists()


def test_a_camera_with_a_session_is_not_disconnected(camera: Camera, session: Session) -> None:
    with pytest.raises(ControlError, match="Stop it first"):
        set_connected(camera, False)
    assert desired(camera)[1] is True


def test_harmless_changes_are_allowed_during_a_session(camera: Camera, session: Session) -> None:
    change_camera(camera, {"name": "Zenith", "host": "main", "enabled": True})
    assert desired(camera)[0] == "Zenith"


COMMANDS = re.compile(r'record_(?:refusals|failures)\(\s*[\w.]+, "([a-z-]+)"')


def test_every_command_that_can_be_refused_has_a_phrase() -> None:
    sources = [path.read_text() for app in ("cameras", "captures") for path in (PROJECT / app).rglob("*.py")]
    commands = {command for text in sources for command in COMMANDS.findall(text)}
    assert commands
    assert commands - set(ATTEMPT_PHRASES) == set()


def test_a_refusal_names_the_attempted_command(camera: Camera) -> None:
    acquire_lease(camera, "anna")
    with pytest.raises(LeaseHeld):
        set_settings(camera, {"gain": 2.0}, "ben")
    message = Event.objects.get(kind="command").message
    assert message.startswith("ben could not change the settings of sky. sky is held by anna since")


def test_two_simulated_cameras_have_two_serial_numbers(db: None) -> None:
    added = [add_camera(slug=slug, kind="simulated") for slug in ("sky", "roof")]
    assert [camera.address for camera in added] == ["", "roof"]
    assert add_camera(slug="lab", kind="simulated", address="bench").address == "bench"
