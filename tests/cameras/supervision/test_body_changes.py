"""A dial is turned on a DSLR: from the cable to the row, the event log and the status. The real libgphoto2 runs in a
real camera process; the test runs the Supervisor's threads."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.process_messages import store_read_back
from cameras.supervision.supervisor import Host
from core.events.models import Event
from tests.harness.far_ends.gphoto2_port.build import ISO, build, plug, turn
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import read_again
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db
PORT = "usb:001,004"
CHANGE = {"name": "iso", "wished": 400, "has": 1600}


@pytest.fixture
def far(archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DSLR with the desired ISO 400."""
    far = tmp_path_factory.mktemp("far")
    for name, value in build(far).items():
        monkeypatch.setenv(name, value)
    plug(far, f"{PORT} 6012345")
    Camera.objects.update(kind="gphoto2", address="6012345", settings={"iso": 400})
    return far


@pytest.fixture
def slot(far: Path, slot: CameraSlot) -> CameraSlot:
    """The DSLR is there before its process starts."""
    return slot


def shown(host: Host, slot: CameraSlot) -> tuple[Any, Any]:
    """The differences, in the row and in the status."""
    host.database.sync()
    return Camera.objects.get().differs, host.statuses.build_status(slot)["differs"]


def shown_after_reading(host: Host, slot: CameraSlot) -> tuple[Any, Any]:
    """The camera is read sooner than at its next turn."""
    assert slot.child is not None
    slot.child.send({"type": "read"})
    return shown(host, slot)


def test_a_change_is_in_row_status_and_event_log_until_it_is_desired(far: Path, host: Host, slot: CameraSlot) -> None:
    turn(far, PORT, ISO, 1600)
    eventually(lambda: shown_after_reading(host, slot) == ([CHANGE], [CHANGE]))
    assert Camera.objects.get().read_back["iso"] == 1600
    assert Event.objects.filter(kind="camera.settings", data={"differs": CHANGE}).count() == 1
    Camera.objects.update(settings={"iso": 1600})
    read_again(host)
    assert host.statuses.build_status(slot)["differs"] == []
    eventually(lambda: shown(host, slot) == ([], []))


def test_the_row_wins_when_the_camera_is_reopened(far: Path, host: Host, slot: CameraSlot) -> None:
    turn(far, PORT, ISO, 1600)
    eventually(lambda: shown_after_reading(host, slot)[0] == [CHANGE])
    assert slot.child is not None
    slot.child.send({"type": "reopen"})
    eventually(lambda: shown(host, slot) == ([], []))
    assert Camera.objects.get().read_back["iso"] == 400


def reading(read_at: datetime, **actual: Any) -> Reading:
    return Reading(actual=actual, warnings=[], read_at=read_at.isoformat(), differs=[])


def test_an_older_reading_does_not_replace_a_newer_one(archive: Archive) -> None:
    """For example when the camera's former host could not write it sooner."""
    now = timezone.now()
    store_read_back(str(archive.camera.pk), reading(now, gain=2))
    store_read_back(str(archive.camera.pk), reading(now - timedelta(seconds=1), gain=1))
    archive.camera.refresh_from_db()
    assert archive.camera.read_back == {"gain": 2}


def test_a_reading_replaces_one_from_before_the_clock_was_set_back(archive: Archive) -> None:
    now = timezone.now()
    store_read_back(str(archive.camera.pk), reading(now + timedelta(hours=1), gain=2))
    store_read_back(str(archive.camera.pk), reading(now, gain=1))
    archive.camera.refresh_from_db()
    assert archive.camera.read_back == {"gain": 1}
