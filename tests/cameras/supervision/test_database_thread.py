"""The Supervisor's database thread: its steps in their order, with a database that is away and spools that cannot be
read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from cameras.models import Camera
from cameras.runtime.messages import RecoveredReport
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Host, build_host
from captures.models import Capture, StorageAssignment
from captures.roots.roots import UnusableRoot
from core.events.models import Event
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, write_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return build_host(tmp_path)


def database_away(*_: Any) -> Any:
    raise OperationalError("database is locked")


def test_what_waits_for_the_database_is_written_when_it_is_back(archive: Archive, host: Host) -> None:
    [record] = write_records(archive, capture_record(archive))
    host.data.ingester.ingest_record(archive.desired(), record, "")
    host.data.events.record_event("command", "An event.", "info", None, {})
    with connection.execute_wrapper(database_away), pytest.raises(OperationalError):
        host.database.sync()
    host.database.sync()
    assert Capture.objects.filter(pk=record).exists()
    assert Event.objects.filter(kind="command").count() == 1


def test_desired_states_that_cannot_be_read_keep_no_record_from_its_row(archive: Archive, host: Host) -> None:
    host.database.sync()
    [record] = write_records(archive, capture_record(archive))
    host.data.ingester.ingest_record(archive.desired(), record, "")
    StorageAssignment.objects.all().delete()
    host.data.reader.read_soon()
    with pytest.raises(UnusableRoot, match="has no storage root"):
        host.database.sync()
    assert Capture.objects.filter(pk=record).exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_answers_is_not_away_because_a_step_fails(archive: Archive, host: Host) -> None:
    with connection.execute_wrapper(database_away):
        host.database.run_once()
    assert host.database.away_since is not None
    StorageAssignment.objects.all().delete()
    host.data.reader.read_soon()
    with pytest.raises(UnusableRoot, match="has no storage root"):
        host.database.run_once()
    assert host.database.away_since is None


def unreadable(archive: Archive) -> DesiredState:
    """A camera on the same host; a file has the name of its spool."""
    camera = Camera.objects.create(slug="torn", name="Torn", kind="simulated", host="main")
    (archive.folder / ".spool").mkdir(exist_ok=True)
    (archive.folder / ".spool" / str(camera.pk)).write_bytes(b"")
    return dataclasses.replace(archive.desired(), id=str(camera.pk), slug="torn")


def test_a_spool_that_cannot_be_read_delays_no_outcome_of_another_camera(
    archive: Archive, host: Host, valkey: Any
) -> None:
    torn, capture = unreadable(archive), archive.planned()
    Capture.objects.create(camera_id=torn.id)
    Capture.objects.update(deadline_ms=1)
    write_records(archive, capture_record(archive))
    host.database.run_once()
    host.database.run_once()
    outcomes = Capture.objects.values_list("camera__slug", "status", "reason")
    assert host.database.away_since is None
    assert capture.status == "planned"
    assert sorted(outcomes) == [
        ("sim", "failed", "camera_error"),
        ("sim", "failed", "not_started"),
        ("torn", "planned", ""),
    ]


def test_a_recovery_that_cannot_be_processed_is_recorded_once_and_delays_nothing(archive: Archive, host: Host) -> None:
    slot = CameraSlot(unreadable(archive), RestartSchedule())
    host.data.recoveries.record_recovery(slot, recovered("x"))
    host.data.events.record_event("command", "The next event.", "info", None, {})
    host.database.run_once()
    host.database.run_once()
    assert sorted(Event.objects.values_list("kind", flat=True)) == ["command", "spool.recovered"]


def recovered(*interrupted: str) -> RecoveredReport:
    return RecoveredReport(type="recovered", interrupted=[*interrupted], finished=[], removed=[], rejected=[])


def without_alerts(execute: Any, sql: str, *rest: Any) -> Any:
    """A database that is away when an alert is resolved."""
    if sql.startswith('UPDATE "monitoring_alert"'):
        raise OperationalError("database is locked")
    return execute(sql, *rest)


def test_a_recovery_that_the_database_interrupts_is_recorded_once(archive: Archive, host: Host) -> None:
    host.data.lease.hold(0.0)
    host.data.recoveries.record_recovery(CameraSlot(archive.desired(), RestartSchedule()), recovered("x"))
    with connection.execute_wrapper(without_alerts), pytest.raises(OperationalError):
        host.data.outbox.flush()
    host.data.outbox.flush()
    assert Event.objects.filter(kind="spool.recovered").count() == 1
