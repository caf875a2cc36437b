"""The event log as people read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cameras.models import Camera
from core.events.selectors import feed
from core.events.service import raise_alert, record_event
from skycam_project.access.models import User

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 21, 20, tzinfo=UTC)


@pytest.fixture
def reader() -> User:
    return User.objects.create_user("ada", role="viewer")


def write(camera: Camera, kind: str, message: str, after_s: float = 0.0, begin: datetime = AT, **data: Any) -> None:
    record_event(kind, message, camera=camera, data=data, at=begin + timedelta(seconds=after_s))


def restart(camera: Camera) -> None:
    """Write the events of a restart, as the camera's host does."""
    write(camera, "part.restarted", "sky: The camera's process crashed. It is started again in 4 s.", 0.01)
    write(camera, "camera.state", "sky is reconnecting: The camera's process crashed.", 0.02, observed="reconnecting")
    write(camera, "camera.ladder", "sky is started again in 4.1 s: It crashed.", 0.03, step="back_off")
    write(camera, "camera.state", "sky is starting.", 1.5, observed="starting")
    write(camera, "camera.state", "sky is ready.", 4, observed="ready")


def messages(reader: User) -> list[str]:
    return [line.message for line in feed(reader, 20)]


def test_a_restart_is_one_line_and_its_end_is_another(camera: Camera, reader: User) -> None:
    restart(camera)
    assert messages(reader) == [
        "sky is ready.", "sky: The camera's process crashed. It is started again in 4 s."
    ]  # fmt: skip


def test_a_restart_hides_nothing_of_another_camera(camera: Camera, reader: User) -> None:
    other = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host="main")
    restart(camera)
    write(other, "camera.state", "dome is reconnecting: No camera answers.", 0.5, observed="reconnecting")
    assert "dome is reconnecting: No camera answers." in messages(reader)


def test_a_lost_camera_without_a_restart_gets_a_line(camera: Camera, reader: User) -> None:
    write(camera, "camera.state", "sky is reconnecting: No camera answers.", observed="reconnecting")
    assert messages(reader) == ["sky is reconnecting: No camera answers."]


def test_a_quarantine_is_one_line(camera: Camera, reader: User, still_clock: datetime) -> None:
    message, state = (
        "sky is quarantined. It failed 5 times in a row.",
        "sky is quarantined: It failed 5 times in a row.",
    )
    write(camera, "camera.ladder", message, begin=still_clock, step="quarantine")
    raise_alert("camera.quarantined:sky", message, camera=camera)
    write(camera, "camera.state", state, begin=still_clock, observed="quarantined")
    assert messages(reader) == [message]
