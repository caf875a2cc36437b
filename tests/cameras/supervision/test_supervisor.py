"""The Supervisor with a camera process; the test runs its threads."""

from __future__ import annotations

import dataclasses
import math
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from cameras.models import CameraHost
from cameras.supervision import lease, process_manager
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.desired_state import desired_states
from cameras.supervision.process_manager import ProcessState, Rule, current_rule
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Host, build_host
from captures.models import Capture, Session
from captures.roots.roots import ensure_default_root
from captures.sessions.desired import fail_session_of_lost_host
from core.events.models import Alert
from core.station_settings import store_changes
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, write_ended_session, write_records
from tests.harness.supervision.hosts import read_again
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db
LONG_US = 600_000_000
"""An exposure that does not end within a test."""
CAPTURE = {
    "asked": {"exposure_us": LONG_US}, "planned": "2026-01-01T00:00:00Z", "requested_by": "tester", "job": "",
    "remaining_ms": 60_000,
}  # fmt: skip


def with_session(host: Host, archive: Archive, session: Session) -> CameraSlot:
    desired_session: Any = archive.desired_session(session)
    slot = CameraSlot(dataclasses.replace(archive.desired(), session=desired_session), RestartSchedule())
    host.slots.add(slot)
    return slot


def move_to_host(archive: Archive, host: str) -> None:
    archive.camera.host = host
    archive.camera.save()


def state_after_a_read(host: Host, row: Session | Capture) -> str:
    read_again(host)
    row.refresh_from_db()
    return row.state if isinstance(row, Session) else row.status


def test_a_camera_that_moves_to_another_host_is_released_and_its_spool_is_emptied(
    archive: Archive, host: Host, slot: CameraSlot
) -> None:
    capture = archive.planned()
    assert slot.child is not None
    slot.child.send({"type": "capture", "command_id": "c", "id": str(capture.pk), **CAPTURE})
    eventually(lambda: list(archive.spool.glob("*.plan")))
    move_to_host(archive, "other")
    read_again(host)
    eventually(lambda: state_after_a_read(host, capture) != "planned" and slot.child is None)
    assert capture.reason == "station_stopped"
    assert archive.inconsistencies() == []


def test_a_camera_is_recorded_by_its_own_host_only(archive: Archive, host: Host, slot: CameraSlot) -> None:
    move_to_host(archive, "other")
    read_again(host)
    host.data.events.record_observed(slot, "disconnected", "")
    host.database.sync()
    archive.camera.refresh_from_db()
    assert archive.camera.observed != "disconnected"
    assert own_slots(host.slots) == []


def test_a_camera_that_comes_back_is_run_again(archive: Archive, host: Host, slot: CameraSlot) -> None:
    move_to_host(archive, "other")
    read_again(host)
    move_to_host(archive, "main")
    read_again(host)
    assert slot.desired.runs


@pytest.fixture
def name_taken(host: Host, slot: CameraSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine has acquired the name, after this host was cut off from the database."""
    host.database.sync()
    monkeypatch.setattr(lease, "RENEW_S", 0.0)
    until = timezone.now() + timedelta(hours=1)
    CameraHost.objects.update(installation="another", epoch=F("epoch") + 1, leased_until=until)


def begin_long_capture(archive: Archive, slot: CameraSlot) -> Capture:
    capture = archive.planned()
    assert slot.child is not None
    slot.child.send({"type": "capture", "command_id": "c", "id": str(capture.pk), **CAPTURE})
    eventually(lambda: list(archive.spool.glob("*.plan")))
    return capture


def end_after_a_read(host: Host, slot: CameraSlot) -> bool:
    read_again(host)
    return slot.child is None


def test_a_host_that_has_lost_its_name_closes_its_cameras_and_keeps_their_records(
    archive: Archive, host: Host, slot: CameraSlot, request: pytest.FixtureRequest
) -> None:
    capture = begin_long_capture(archive, slot)
    request.getfixturevalue("name_taken")
    eventually(lambda: end_after_a_read(host, slot))
    read_again(host)
    capture.refresh_from_db()
    assert capture.status == "planned"
    assert [file.stem for file in archive.spool.glob("*.done")] == [str(capture.pk)]
    assert Alert.objects.get(key="host.taken:main").severity == "critical"


def test_a_host_that_gets_its_name_back_delivers_its_records_and_runs_its_cameras(
    archive: Archive, host: Host, slot: CameraSlot, request: pytest.FixtureRequest
) -> None:
    capture = begin_long_capture(archive, slot)
    request.getfixturevalue("name_taken")
    eventually(lambda: end_after_a_read(host, slot))
    CameraHost.objects.update(leased_until=None)
    eventually(lambda: state_after_a_read(host, capture) == "failed" and slot.desired.runs)
    assert archive.inconsistencies() == []


@pytest.mark.usefixtures("name_taken")
def test_a_camera_that_another_machine_drives_is_not_recorded_by_this_one(host: Host, slot: CameraSlot) -> None:
    read_again(host)
    waiting = len(host.data.outbox)
    host.data.events.record_observed(slot, "reconnecting", "")
    assert len(host.data.outbox) == waiting


def test_a_session_that_its_camera_refused_has_failed_with_the_reason(
    archive: Archive, host: Host, slot: CameraSlot
) -> None:
    session = archive.session(cadence_s=0.1)
    desired_session: Any = archive.desired_session(session)
    desired_session["programme"]["gain"] = math.nan  # the simulated camera refuses nothing else
    host.applier.apply_desired_state(slot, dataclasses.replace(slot.desired, session=desired_session))
    eventually(lambda: state_after_a_read(host, session) != "planned")
    assert session.state == "failed"
    assert session.reason == "rejected_setting"
    assert session.message == "The gain is not a number."
    assert archive.inconsistencies() == []


REFUSED = {"type": "answer", "ok": False, "problem": "camera-not-reachable", "detail": "It is not mounted."}


@pytest.mark.parametrize(("reason", "desired"), [("root_missing", "running"), ("camera_error", "stopped")])
def test_a_refused_session_stays_desired_where_the_process_keeps_it_for_a_root_that_is_away(
    archive: Archive, host: Host, slot: CameraSlot, reason: str, desired: str
) -> None:
    session = archive.session(cadence_s=60)
    assert slot.child is not None
    host.messages.handle_message(slot.child, {**REFUSED, "command_id": f"desired-{session.pk}", "reason": reason})
    host.database.sync()
    session.refresh_from_db()
    assert session.desired == desired


def quarantined(host: Host, archive: Archive) -> CameraSlot:
    """A camera that crashed too often; no process is started for it."""
    archive.camera.connected = False
    archive.camera.save()
    read_again(host)
    [slot] = host.slots.values()
    slot.restarts.rule.quick_exits, slot.restarts.not_before = 5, math.inf
    host.recovery.quarantine.quarantine(slot, "It crashed.")
    host.database.sync()
    return slot


def open_alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_camera_that_is_disconnected_leaves_its_quarantine_and_the_alert_with_it(
    archive: Archive, host: Host
) -> None:
    slot = quarantined(host, archive)
    assert open_alerts() == ["camera.quarantined:sim"]
    read_again(host)
    host.database.sync()
    assert slot.quarantined == ""
    assert slot.restarts.rule.quick_exits == 0
    assert slot.restarts.not_before == 0
    assert open_alerts() == []


def test_the_alert_of_a_quarantine_that_an_earlier_supervisor_left_is_resolved(
    archive: Archive, host: Host, tmp_path: Path
) -> None:
    quarantined(build_host(tmp_path), archive)
    read_again(host)
    host.database.sync()
    assert open_alerts() == []


def ingest_all(host: Host, slot: CameraSlot, records: list[str]) -> None:
    for record in records:
        host.data.ingester.ingest_record(slot.desired, record, "")
    host.database.sync()


def test_a_session_whose_end_is_ingested_while_its_process_starts_does_not_begin_again(
    archive: Archive, host: Host
) -> None:
    session = archive.session(cadence_s=0.1)
    records = write_ended_session(archive, str(session.pk))
    slot = with_session(host, archive, session)
    host.processes.maintain_process(slot)
    ingest_all(host, slot, records)
    assert slot.child is not None
    eventually(lambda: slot.child and slot.child.state.get("observed") == "ready")
    host.database.sync()  # handles the recovery
    host.database.sync()  # and ingests its records
    assert slot.child.state["session"] is None
    assert archive.inconsistencies() == []


def test_a_session_whose_end_was_ingested_before_its_process_starts_is_not_desired_any_more(
    archive: Archive, host: Host
) -> None:
    session = archive.session(cadence_s=0.1)
    slot = with_session(host, archive, session)
    ingest_all(host, slot, write_ended_session(archive, str(session.pk)))
    host.processes.maintain_process(slot)
    assert slot.child is not None
    assert slot.child.spec["session"] is None
    assert list(archive.spool.glob("session-*")) == []


def configure(host: Host, slot: CameraSlot, **settings: Any) -> None:
    """Route a configure command as from the host's list, after the row is written."""
    arguments = {"settings": settings, "remaining_ms": 600_000}
    command: Any = {"command_id": "c", "camera": slot.desired.id, "slug": "sim", "order": "configure"}
    host.router.route({**command, "arguments": arguments}, time.monotonic())


def desired_settings(slot: CameraSlot) -> dict[str, Any]:
    assert slot.child is not None
    return slot.child.desired["settings"]


def test_settings_that_were_commanded_are_not_reverted_by_an_older_read(host: Host, slot: CameraSlot) -> None:
    read_before = desired_states("main")
    configure(host, slot, exposure_us=2000)
    host.data.reader.snapshot = dataclasses.replace(host.data.reader.snapshot, cameras=read_before)
    host.supervisor.tick()
    assert desired_settings(slot) == {"exposure_us": 2000}


def test_settings_that_were_commanded_are_those_of_the_next_process_before_the_next_read(
    host: Host, slot: CameraSlot
) -> None:
    configure(host, slot, exposure_us=2000)
    assert slot.child is not None
    slot.child.kill()
    assert slot.child.wait(PATIENCE_S)
    host.processes.maintain_process(slot)
    host.processes.maintain_process(slot)
    assert desired_settings(slot) == {"exposure_us": 2000}


def test_settings_of_the_row_are_applied_at_the_next_read(archive: Archive, host: Host, slot: CameraSlot) -> None:
    configure(host, slot, exposure_us=2000)
    archive.camera.settings = {"exposure_us": 3000}
    archive.camera.save()
    read_again(host)
    assert desired_settings(slot) == {"exposure_us": 3000}


def test_formats_of_the_row_hold_for_the_next_capture_of_the_running_process(
    archive: Archive, host: Host, slot: CameraSlot
) -> None:
    archive.camera.keep, archive.camera.fits_compression = ["fits", "png"], "rice"
    archive.camera.save()
    child = slot.child
    read_again(host)
    capture = archive.planned()
    command: Any = {"command_id": "c", "camera": slot.desired.id, "slug": "sim", "order": "capture"}
    host.router.route(
        {**command, "arguments": {**CAPTURE, "asked": {"exposure_us": 1000}, "id": str(capture.pk)}}, time.monotonic()
    )
    eventually(lambda: host.database.sync() or Capture.objects.get(pk=capture.pk).status == "saved")
    assert sorted(capture.files.values_list("kind", flat=True)) == ["fits", "png"]
    assert slot.child is child


def test_a_new_site_is_sent_to_the_running_process(host: Host, slot: CameraSlot) -> None:
    child = slot.child
    store_changes({"site.latitude": -29.26, "site.longitude": -70.73}, "mary")
    read_again(host)
    assert child is not None
    assert slot.child is child
    assert child.desired["site"]["latitude"] == -29.26


def test_records_in_a_former_root_are_ingested(
    archive: Archive, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its storage root was replaced after a power cut during an exposure."""
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        capture = process.capture(str(archive.planned().pk), exposure_us=LONG_US)
        process.wait_for_type("state", doing="exposing")
    ensure_default_root(tmp_path_factory.mktemp("new-root"))
    host.database.sync()
    host.database.sync()
    assert Capture.objects.get(pk=capture).reason == "interrupted"
    assert archive.inconsistencies() == []


def test_a_commanded_recording_uses_its_hosts_configuration(archive: Archive, host: Host, slot: CameraSlot) -> None:
    archive.camera.recording, archive.camera.recording_by = "rolling", "anna"
    archive.camera.save()
    recording = {"kind": "rolling", "requested_by": "anna", "clip_s": 7.0, "crf": 40}
    arguments = {"recording": recording, "remaining_ms": 600_000}
    command: Any = {"command_id": "c", "camera": slot.desired.id, "slug": "sim", "order": "record"}
    host.router.route({**command, "arguments": arguments}, time.monotonic())
    assert slot.child is not None
    assert slot.child.desired["recording"] == desired_states("main")[slot.desired.id].recording


def last_capture(host: Host, slot: CameraSlot) -> tuple[str, str] | None:
    found = host.statuses.build_status(slot)["last_capture"]
    return found and (found["id"], found["status"])


def test_a_supervisor_knows_the_last_capture_of_the_one_before_it(archive: Archive, host: Host) -> None:
    write_records(archive, capture_record(archive, "failed"))
    [newest] = write_records(archive, capture_record(archive, "failed"))
    archive.planned()
    archive.ingest()
    read_again(host)
    [slot] = host.slots.values()
    assert last_capture(host, slot) == (newest, "failed")


def test_a_capture_is_the_last_one_as_soon_as_it_is_ingested(archive: Archive, host: Host) -> None:
    read_again(host)
    [slot] = host.slots.values()
    before = last_capture(host, slot)
    [taken] = write_records(archive, capture_record(archive, "failed"))
    ingest_all(host, slot, [taken])
    assert before is None
    assert last_capture(host, slot) == (taken, "failed")


def test_a_host_that_returns_ingests_its_records_of_a_moved_camera_and_no_longer_runs_it(
    archive: Archive, host: Host
) -> None:
    """Its machine was cut off during a session: an exposure was running, and a capture waited for its ingest."""
    session, capture = archive.session(exposure_us=LONG_US, cadence_s=3600), archive.planned()
    with CameraProcess(archive.folder, str(archive.camera.pk)) as process:
        process.wait_for_type("spooled", id=process.capture(str(capture.pk), exposure_us=1000))
        process.start_session(str(session.pk), exposure_us=LONG_US, cadence_s=3600)
        process.wait_for_type("state", doing="exposing")
    move_to_host(archive, "other")
    fail_session_of_lost_host(archive.camera, "main")
    [read_again(host) for _ in range(3)]
    session.refresh_from_db()
    capture.refresh_from_db()
    assert capture.status == "saved"
    assert session.state == "failed"
    assert session.planned == 1
    assert session.failed == 1
    assert archive.inconsistencies() == []
    assert list(archive.spool.glob("session-*")) == []
    assert list(host.slots) == []


def test_a_capture_that_a_returning_host_never_began_has_its_outcome(archive: Archive, host: Host, valkey: Any) -> None:
    write_records(archive, capture_record(archive))
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1, host="main")
    move_to_host(archive, "other")
    [read_again(host) for _ in range(3)]
    capture.refresh_from_db()
    assert capture.status == "failed"
    assert capture.reason == "not_started"


def test_a_capture_that_was_sent_to_another_host_waits_for_it(archive: Archive, host: Host, valkey: Any) -> None:
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1, host="other")
    [read_again(host) for _ in range(3)]
    assert state_after_a_read(host, capture) == "planned"


@pytest.fixture
def acted_on(monkeypatch: pytest.MonkeyPatch) -> list[Rule]:
    """The rules by which the process manager has acted, without repeats. They are noted where it reads them: a process
    may end between a look of the test and the next of the manager, which then skips a state that the test has seen."""
    seen: list[Rule] = []

    def noted(slot: CameraSlot) -> Rule:
        rule = current_rule(slot)
        seen.extend([rule] if seen[-1:] != [rule] else [])
        return rule

    monkeypatch.setattr(process_manager, "current_rule", noted)
    return seen


def test_a_process_moves_as_the_table_of_its_states_says(
    archive: Archive, host: Host, slot: CameraSlot, acted_on: list[Rule]
) -> None:
    """Started, killed, restarted after a pause, ended because its camera is disabled, and enabled again."""

    def reaches(state: ProcessState) -> bool:
        host.processes.maintain_process(slot)
        return acted_on[-1].state is state

    eventually(lambda: reaches(ProcessState.RUNNING))
    for _ in range(2):
        assert slot.child is not None
        slot.child.kill()
        eventually(lambda: reaches(ProcessState.RUNNING))
    host.applier.apply_desired_state(slot, dataclasses.replace(slot.desired, enabled=False))
    eventually(lambda: reaches(ProcessState.OFF))
    host.applier.apply_desired_state(slot, dataclasses.replace(slot.desired, enabled=True))
    eventually(lambda: reaches(ProcessState.RUNNING))
    assert [later.state for rule, later in pairwise(acted_on) if later.state not in rule.successors] == []
    # A machine that pauses the test may hide the short ones: killed, waiting, ending.
    assert {ProcessState.EXITED, ProcessState.OFF, ProcessState.DUE} <= {rule.state for rule in acted_on}
