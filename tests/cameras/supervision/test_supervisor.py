"""The Supervisor with a camera process; the test runs its threads."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.models import CameraHost
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.desired_state import desired_states
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Supervisor
from captures.models import Capture, Session
from captures.sessions.desired import fail_session_of_lost_host
from captures.storage.setup import ensure_default_root
from monitoring.models import Alert
from tests.api.builders import until
from tests.api.conftest import valkey
from tests.cameras.supervision.records import capture_record, write_ended_session, write_records
from tests.faults.archive import Archive
from tests.faults.camera_process import CameraProcess

__all__ = ["valkey"]
pytestmark = pytest.mark.django_db
CAPTURE = {
    "asked": {"exposure_us": 10_000_000}, "planned": "2026-01-01T00:00:00Z", "requested_by": "tester", "job": "",
    "remaining_ms": 60_000,
}  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.run_folder = tmp_path
    yield supervisor
    for slot in supervisor.slots.values():
        if slot.child:
            slot.child.kill()
            slot.child.wait(10)
            slot.child.finish()


def with_session(supervisor: Supervisor, archive: Archive, session: Session) -> CameraSlot:
    desired = dataclasses.replace(archive.desired(), session=archive.desired_session(session))
    slot = CameraSlot(desired, RestartSchedule())
    supervisor.slots = {desired.id: slot}
    return slot


@pytest.fixture
def slot(archive: Archive, supervisor: Supervisor) -> CameraSlot:
    """A camera with a running process."""
    supervisor.database._sync()
    supervisor._tick()
    [slot] = supervisor.slots.values()
    until(lambda: slot.child and slot.child.state.get("observed") == "ready")
    return slot


def move_to_host(archive: Archive, host: str) -> None:
    archive.camera.host = host
    archive.camera.save()


def read_again(supervisor: Supervisor) -> None:
    supervisor.database.read_soon()
    supervisor.database._sync()
    supervisor._tick()


def state_after_a_read(supervisor: Supervisor, row: Session | Capture) -> str:
    read_again(supervisor)
    row.refresh_from_db()
    return row.state if isinstance(row, Session) else row.status


def test_a_camera_that_moves_to_another_host_is_released_and_its_spool_is_emptied(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot
) -> None:
    capture = archive.planned()
    assert slot.child is not None
    slot.child.send({"type": "capture", "command_id": "c", "id": str(capture.pk), **CAPTURE})
    until(lambda: list(archive.spool.glob("*.plan")))
    move_to_host(archive, "other")
    read_again(supervisor)
    until(lambda: state_after_a_read(supervisor, capture) != "planned" and slot.child is None)
    assert (capture.reason, archive.inconsistencies()) == ("station_stopped", [])


def test_a_camera_is_recorded_by_its_own_host_only(archive: Archive, supervisor: Supervisor, slot: CameraSlot) -> None:
    move_to_host(archive, "other")
    read_again(supervisor)
    supervisor.record_observed(slot, "disconnected", "")
    supervisor.database._sync()
    archive.camera.refresh_from_db()
    assert (archive.camera.observed == "disconnected", supervisor.status_publisher._own_slots()) == (False, [])


def test_a_camera_that_comes_back_is_run_again(archive: Archive, supervisor: Supervisor, slot: CameraSlot) -> None:
    move_to_host(archive, "other")
    read_again(supervisor)
    move_to_host(archive, "main")
    read_again(supervisor)
    assert slot.desired.runs


def test_a_host_that_has_lost_its_name_keeps_its_cameras_running(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot
) -> None:
    CameraHost.objects.update(machine="another machine")
    supervisor.database._leased_at = -60.0
    read_again(supervisor)
    assert (supervisor.database.snapshot.cameras, slot.child is not None and slot.child.ending) == ({}, False)


def test_a_session_that_its_camera_refused_has_failed_with_the_reason(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot
) -> None:
    session = archive.session(cadence_s=0.1)
    desired_session: Any = archive.desired_session(session)
    desired_session["programme"]["gain"] = math.nan  # the simulated camera refuses nothing else
    supervisor._apply_desired_state(slot, dataclasses.replace(slot.desired, session=desired_session))
    until(lambda: state_after_a_read(supervisor, session) != "planned")
    assert (session.state, session.reason, session.message) == (
        "failed",
        "rejected_setting",
        "The gain is not a number.",
    )
    assert archive.inconsistencies() == []


REFUSED = {"type": "answer", "ok": False, "problem": "camera-not-reachable", "detail": "It is not mounted."}


@pytest.mark.parametrize(("reason", "desired"), [("root_missing", "running"), ("camera_error", "stopped")])
def test_a_refused_session_stays_desired_where_the_process_keeps_it_for_a_root_that_is_away(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot, reason: str, desired: str
) -> None:
    session = archive.session(cadence_s=60)
    assert slot.child is not None
    supervisor.process_messages.handle_message(
        slot.child, {**REFUSED, "command_id": f"desired-{session.pk}", "reason": reason}
    )
    supervisor.database._sync()
    session.refresh_from_db()
    assert session.desired == desired


def quarantined(supervisor: Supervisor, archive: Archive) -> CameraSlot:
    """A camera that crashed too often; no process is started for it."""
    archive.camera.connected = False
    archive.camera.save()
    read_again(supervisor)
    [slot] = supervisor.slots.values()
    slot.restarts.rule.quick_exits, slot.restarts.not_before = 5, math.inf
    supervisor.recovery_ladder.quarantine(slot, "It crashed.")
    supervisor.database._sync()
    return slot


def open_alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_camera_that_is_disconnected_leaves_its_quarantine_and_the_alert_with_it(
    archive: Archive, supervisor: Supervisor
) -> None:
    slot = quarantined(supervisor, archive)
    assert open_alerts() == ["camera.quarantined:sim"]
    read_again(supervisor)
    supervisor.database._sync()
    assert (slot.quarantined, slot.restarts.rule.quick_exits, slot.restarts.not_before, open_alerts()) == ("", 0, 0, [])


def test_the_alert_of_a_quarantine_that_an_earlier_supervisor_left_is_resolved(
    archive: Archive, supervisor: Supervisor
) -> None:
    quarantined(Supervisor(), archive)
    read_again(supervisor)
    supervisor.database._sync()
    assert open_alerts() == []


def ingest_all(supervisor: Supervisor, slot: CameraSlot, records: list[str]) -> None:
    for record in records:
        supervisor.database.ingest_record(slot.desired, record, "")
    supervisor.database._sync()


def test_a_session_whose_end_is_ingested_while_its_process_starts_does_not_begin_again(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    records = write_ended_session(archive, str(session.pk))
    slot = with_session(supervisor, archive, session)
    supervisor._start_process(slot)
    ingest_all(supervisor, slot, records)
    assert slot.child is not None
    until(lambda: slot.child and slot.child.state.get("observed") == "ready")
    supervisor.database._sync()  # handles the recovery
    supervisor.database._sync()  # and ingests its records
    assert (slot.child.state["session"], archive.inconsistencies()) == (None, [])


def test_a_session_whose_end_was_ingested_before_its_process_starts_is_not_desired_any_more(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    slot = with_session(supervisor, archive, session)
    ingest_all(supervisor, slot, write_ended_session(archive, str(session.pk)))
    supervisor._start_process(slot)
    assert slot.child is not None
    assert (slot.child.spec["session"], list(archive.spool.glob("session-*"))) == (None, [])


def configure(supervisor: Supervisor, slot: CameraSlot, **settings: Any) -> None:
    """Route a configure command as from the host's list, after the row is written."""
    arguments = {"settings": settings, "remaining_ms": 10_000}
    command: Any = {"command_id": "c", "camera": slot.desired.id, "slug": "sim", "order": "configure"}
    supervisor.command_router._route({**command, "arguments": arguments}, time.monotonic())


def desired_settings(slot: CameraSlot) -> dict[str, Any]:
    assert slot.child is not None
    return slot.child.desired["settings"]


def test_settings_that_were_commanded_are_not_reverted_by_an_older_read(
    supervisor: Supervisor, slot: CameraSlot
) -> None:
    read_before = desired_states("main")
    configure(supervisor, slot, exposure_us=2000)
    supervisor.database.snapshot = dataclasses.replace(supervisor.database.snapshot, cameras=read_before)
    supervisor._tick()
    assert desired_settings(slot) == {"exposure_us": 2000}


def test_settings_that_were_commanded_are_those_of_the_next_process_before_the_next_read(
    supervisor: Supervisor, slot: CameraSlot
) -> None:
    configure(supervisor, slot, exposure_us=2000)
    assert slot.child is not None
    slot.child.kill()
    assert slot.child.wait(10)
    supervisor._maintain_process(slot)
    supervisor._maintain_process(slot)
    assert desired_settings(slot) == {"exposure_us": 2000}


def test_settings_of_the_row_are_applied_at_the_next_read(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot
) -> None:
    configure(supervisor, slot, exposure_us=2000)
    archive.camera.settings = {"exposure_us": 3000}
    archive.camera.save()
    read_again(supervisor)
    assert desired_settings(slot) == {"exposure_us": 3000}


def test_records_in_a_former_root_are_ingested(
    archive: Archive, supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its storage root was replaced after a power cut during an exposure."""
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        capture = process.capture(str(archive.planned().pk), exposure_us=10_000_000)
        process.until_type("state", doing="exposing")
    ensure_default_root(tmp_path_factory.mktemp("new-root"))
    supervisor.database._sync()
    supervisor.database._sync()
    assert (Capture.objects.get(pk=capture).reason, archive.inconsistencies()) == ("interrupted", [])


def test_a_commanded_recording_uses_its_hosts_configuration(
    archive: Archive, supervisor: Supervisor, slot: CameraSlot
) -> None:
    archive.camera.recording, archive.camera.recording_by = "rolling", "anna"
    archive.camera.save()
    recording = {"kind": "rolling", "requested_by": "anna", "clip_s": 7.0, "crf": 40}
    arguments = {"recording": recording, "remaining_ms": 10_000}
    command: Any = {"command_id": "c", "camera": slot.desired.id, "slug": "sim", "order": "record"}
    supervisor.command_router._route({**command, "arguments": arguments}, time.monotonic())
    assert slot.child is not None
    assert slot.child.desired["recording"] == desired_states("main")[slot.desired.id].recording


def last_capture(supervisor: Supervisor, slot: CameraSlot) -> tuple[str, str] | None:
    found = supervisor.status_publisher.build_status(slot)["last_capture"]
    return found and (found["id"], found["status"])


def test_a_supervisor_knows_the_last_capture_of_the_one_before_it(archive: Archive, supervisor: Supervisor) -> None:
    write_records(archive, capture_record(archive, "failed"))
    [newest] = write_records(archive, capture_record(archive, "failed"))
    archive.planned()
    archive.ingest()
    read_again(supervisor)
    [slot] = supervisor.slots.values()
    assert last_capture(supervisor, slot) == (newest, "failed")


def test_a_capture_is_the_last_one_as_soon_as_it_is_ingested(archive: Archive, supervisor: Supervisor) -> None:
    read_again(supervisor)
    [slot] = supervisor.slots.values()
    before = last_capture(supervisor, slot)
    [taken] = write_records(archive, capture_record(archive, "failed"))
    ingest_all(supervisor, slot, [taken])
    assert (before, last_capture(supervisor, slot)) == (None, (taken, "failed"))


def test_a_host_that_returns_ingests_its_records_of_a_moved_camera_and_no_longer_runs_it(
    archive: Archive, supervisor: Supervisor
) -> None:
    """Its machine was cut off during a session: an exposure was running, and a capture waited for its ingest."""
    session, capture = archive.session(exposure_us=10_000_000, cadence_s=20), archive.planned()
    with CameraProcess(archive.folder, str(archive.camera.pk)) as process:
        process.until_type("spooled", id=process.capture(str(capture.pk), exposure_us=1000))
        process.start_session(str(session.pk), exposure_us=10_000_000, cadence_s=20)
        process.until_type("state", doing="exposing")
    move_to_host(archive, "other")
    fail_session_of_lost_host(archive.camera, "main")
    [read_again(supervisor) for _ in range(3)]
    session.refresh_from_db()
    capture.refresh_from_db()
    assert (capture.status, session.state, session.planned, session.failed) == ("saved", "failed", 1, 1)
    assert (archive.inconsistencies(), list(archive.spool.glob("session-*")), supervisor.slots) == ([], [], {})


def test_a_capture_that_a_returning_host_never_began_has_its_outcome(
    archive: Archive, supervisor: Supervisor, valkey: Any
) -> None:
    write_records(archive, capture_record(archive))
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1, host="main")
    move_to_host(archive, "other")
    [read_again(supervisor) for _ in range(3)]
    capture.refresh_from_db()
    assert (capture.status, capture.reason) == ("failed", "not_started")


def test_a_capture_that_was_sent_to_another_host_waits_for_it(
    archive: Archive, supervisor: Supervisor, valkey: Any
) -> None:
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1, host="other")
    [read_again(supervisor) for _ in range(3)]
    assert state_after_a_read(supervisor, capture) == "planned"
