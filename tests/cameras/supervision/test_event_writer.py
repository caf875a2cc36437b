"""What the Supervisor records of a camera: in its order, once, and only by the camera's own host."""

from __future__ import annotations

import dataclasses

import pytest

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import ProcessCounters
from cameras.supervision.process_messages import EventWriter
from cameras.supervision.recovery_policy import RestartSchedule
from core.events.models import Alert, Event
from tests.harness.rows.archive import Archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(NO_FENCE)


@pytest.fixture
def events(outbox: Outbox) -> EventWriter:
    return EventWriter(outbox, ProcessCounters())


@pytest.fixture
def slot(archive: Archive) -> CameraSlot:
    return CameraSlot(archive.desired(), RestartSchedule())


def recorded() -> list[str]:
    return [event.data["observed"] for event in Event.objects.filter(kind="camera.state").order_by("at", "id")]


def test_a_state_is_recorded_when_it_changes(
    archive: Archive, events: EventWriter, outbox: Outbox, slot: CameraSlot
) -> None:
    for observed in ("starting", "ready", "ready", "busy"):
        events.record_observed(slot, observed, "")
    outbox.flush()
    archive.camera.refresh_from_db()
    assert recorded() == ["starting", "ready", "busy"]
    assert archive.camera.observed == "busy"


def test_a_camera_on_another_host_is_not_recorded(events: EventWriter, outbox: Outbox, slot: CameraSlot) -> None:
    slot.desired = dataclasses.replace(slot.desired, elsewhere=True)
    events.record_observed(slot, "disconnected", "")
    outbox.flush()
    assert recorded() == []


def test_nothing_is_written_before_the_outbox_is_flushed(events: EventWriter, outbox: Outbox) -> None:
    events.raise_alert("camera.unreachable:sim", "It is gone.", "error", None)
    before = Alert.objects.count()
    outbox.flush()
    assert before == 0
    assert Alert.objects.count() == 1


def test_an_event_has_the_time_at_which_it_happened(events: EventWriter, outbox: Outbox) -> None:
    events.record_event("command", "The first.", "info", None, {})
    events.record_event("command", "The second.", "info", None, {})
    outbox.flush()
    assert list(Event.objects.order_by("at").values_list("message", flat=True)) == ["The first.", "The second."]
