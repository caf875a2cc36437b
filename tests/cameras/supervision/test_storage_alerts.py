"""An alert about a whole disk belongs to no camera, although a camera's process reports it: others use the disk too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Supervisor
from monitoring.models import Alert, Event
from tests.faults.archive import Archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def handle(archive: Archive, kind: str, message: str) -> None:
    """Handle a log message as from a camera process."""
    supervisor = Supervisor()
    desired = archive.desired()
    supervisor.slots[desired.id] = CameraSlot(desired, RestartSchedule())
    child = CameraChild.__new__(CameraChild)
    child.spec = desired.spec(None)
    log_message: dict[str, Any] = {"type": "log", "kind": kind, "message": message, "level": "error"}
    supervisor.process_messages.handle_message(child, log_message)
    supervisor.database._outbox.flush()


@pytest.mark.parametrize("kind", ["storage.unmounted", "storage.failed", "storage.last_floor"])
def test_an_alert_of_a_root_belongs_to_no_camera(archive: Archive, kind: str) -> None:
    handle(archive, kind, "The storage root is not there.")
    alert = Alert.objects.get(key__startswith=kind)
    events = Event.objects.filter(kind__in=[kind, "alert.opened"])
    assert (alert.camera, alert.camera_uuid) == ("", "")
    assert [(event.camera, event.camera_uuid) for event in events] == [("", ""), ("", "")]


def test_an_alert_about_its_own_spool_belongs_to_the_camera(archive: Archive) -> None:
    handle(archive, "spool.rejected", "A record was set aside.")
    alert = Alert.objects.get(key="spool.rejected:sim")
    assert (alert.camera, alert.camera_uuid) == ("sim", str(archive.camera.pk))
