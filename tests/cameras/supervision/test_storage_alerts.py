"""An alert about a whole disk belongs to no camera, although a camera's process reports it: others use the disk too."""

from __future__ import annotations

import pytest

from cameras.runtime.messages import LogReport
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import CommandResults
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import ProcessCounters
from cameras.supervision.process_messages import EventWriter, ProcessMessages
from cameras.supervision.usb import UsbBus
from core.events.models import Alert, Event
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import Answers, Outcomes, Records, slots_of

pytestmark = pytest.mark.django_db


def nothing(*_: object) -> None:
    """No message of these tests leads here."""


def handle(archive: Archive, kind: str, message: str) -> None:
    """Handle a log message as from a camera process."""
    outbox, slots = Outbox(NO_FENCE), slots_of(archive.desired())
    results = CommandResults(Records(), Outcomes(), Answers(), nothing, nothing)
    counters = ProcessCounters()
    messages = ProcessMessages(slots, EventWriter(outbox, counters), UsbBus(), results, counters)
    desired = archive.desired()
    child = CameraChild.__new__(CameraChild)
    child.spec = desired.spec(None)
    messages.handle_message(child, LogReport(type="log", kind=kind, message=message, level="error"))
    outbox.flush()


@pytest.mark.parametrize("kind", ["storage.unmounted", "storage.failed", "storage.last_floor"])
def test_an_alert_of_a_root_belongs_to_no_camera(archive: Archive, kind: str) -> None:
    handle(archive, kind, "The storage root is not there.")
    alert = Alert.objects.get(key__startswith=kind)
    events = Event.objects.filter(kind__in=[kind, "alert.opened"])
    assert alert.camera == ""
    assert alert.camera_uuid == ""
    assert [(event.camera, event.camera_uuid) for event in events] == [("", ""), ("", "")]


def test_an_alert_about_its_own_spool_belongs_to_the_camera(archive: Archive) -> None:
    handle(archive, "spool.rejected", "A record was set aside.")
    alert = Alert.objects.get(key="spool.rejected:sim")
    assert alert.camera == "sim"
    assert alert.camera_uuid == str(archive.camera.pk)
