"""The Supervisor's database thread, with a slow database."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from cameras.commands.messages import Answer
from cameras.models import Camera, CameraHost
from cameras.spool.storage import MARKER
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
from cameras.supervision.database_sync import DatabaseSync, Spooled
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.supervisor import Supervisor
from captures.models import Capture
from monitoring.models import Alert, Event
from tests.api.conftest import valkey
from tests.cameras.supervision.records import capture_record, write_raw, write_records
from tests.faults.archive import Archive

__all__ = ["valkey"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def database() -> Iterator[DatabaseSync]:
    database = Supervisor().database
    yield database
    database._stopping.set()


def within_ten_seconds(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_record_that_cannot_be_read_does_not_end_the_late_answers(archive: Archive, database: DatabaseSync) -> None:
    waiting = Spooled(archive.desired(), write_raw(archive, b"rubbish"), "first", time.monotonic() - 9)
    [record] = write_records(archive, capture_record(archive))
    following = Spooled(archive.desired(), record, "second", time.monotonic() - 9)
    database._spooled.extend([waiting, following])
    database._late_answers.start()
    assert within_ten_seconds(lambda: following.answered)


def test_a_root_whose_path_is_gone_delays_no_other_camera(archive: Archive, database: DatabaseSync) -> None:
    nowhere = dataclasses.replace(archive.desired(), root_path=str(archive.folder / "gone"))
    [record] = write_records(archive, capture_record(archive))
    database.ingest_record(nowhere, record, "")
    database.ingest_record(archive.desired(), record, "")
    database._run_once()
    assert (database.away_since, Capture.objects.filter(pk=record).exists()) == (None, True)


def test_a_host_name_that_another_machine_uses_raises_an_alert(database: DatabaseSync) -> None:
    host, until = database.supervisor.host, timezone.now() + timedelta(seconds=30)
    CameraHost.objects.create(name=host, machine="another", leased_until=until)
    assert not database._renew_lease(time.monotonic())
    assert Alert.objects.get().key == f"host.taken:{host}"


def overdue(archive: Archive) -> Capture:
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1)
    return capture


def unmounted(archive: Archive) -> Path:
    """Move the root's content away, as if its disk were unmounted; returns its new place."""
    disk = archive.folder.with_name("disk")
    archive.folder.rename(disk)
    archive.folder.mkdir()
    return disk


def test_a_capture_that_no_spool_knows_has_failed_after_its_deadline(
    archive: Archive, database: DatabaseSync, valkey: Any
) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive))
    database._run_once()
    capture.refresh_from_db()
    assert (capture.status, capture.reason) == ("failed", "not_started")


def test_a_capture_recorded_on_an_unmounted_root_is_saved_when_the_root_is_back(
    archive: Archive, database: DatabaseSync, valkey: Any
) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive, "saved", str(capture.pk)))
    disk = unmounted(archive)
    database._run_once()
    archive.folder.rmdir()
    disk.rename(archive.folder)
    archive.ingest()
    capture.refresh_from_db()
    assert (capture.status, archive.inconsistencies()) == ("saved", [f"{capture.pk} is saved without a file"])


def test_a_capture_of_an_ended_process_is_not_settled_while_its_root_is_not_mounted(
    archive: Archive, database: DatabaseSync
) -> None:
    capture = archive.planned()
    slot = CameraSlot(archive.desired(), RestartSchedule())
    slot.outstanding.add("c", OutstandingCommand(str(capture.pk), cast(Any, "a process that has ended")))
    (archive.folder / MARKER).unlink()
    database.outcomes.settle_lost(slot, slot.outstanding.captures())
    capture.refresh_from_db()
    assert (capture.status, list(slot.outstanding.captures())) == ("planned", ["c"])


@pytest.fixture
def full_broker(valkey: Any) -> Iterator[Any]:
    """It answers reads and refuses writes."""
    valkey.config_set("maxmemory", "1")
    yield valkey
    valkey.config_set("maxmemory", "0")


def test_a_broker_that_refuses_an_answer_does_not_end_the_thread(database: DatabaseSync, full_broker: Any) -> None:
    answered: list[str] = []
    answer = Answer(ok=True)
    database._after_ingest.append(lambda: database.supervisor.send_response("c", answer))
    database._after_ingest.append(lambda: answered.append({}["nothing"]))
    database._after_ingest.append(lambda: answered.append("the next one"))
    database._run_once()
    assert answered == ["the next one"]


def test_an_answer_that_the_broker_refuses_raises_nothing(database: DatabaseSync, full_broker: Any) -> None:
    database.supervisor.send_response("c", Answer(ok=True))
    assert full_broker.keys("*") == []


def unreadable(archive: Archive) -> DesiredState:
    """A camera on the same host; a file has the name of its spool."""
    camera = Camera.objects.create(slug="torn", name="Torn", kind="simulated", host="main")
    (archive.folder / ".spool").mkdir(exist_ok=True)
    (archive.folder / ".spool" / str(camera.pk)).write_bytes(b"")
    return dataclasses.replace(archive.desired(), id=str(camera.pk), slug="torn")


def test_a_spool_that_cannot_be_read_delays_no_outcome_of_another_camera(
    archive: Archive, database: DatabaseSync, valkey: Any
) -> None:
    torn = unreadable(archive)
    Capture.objects.create(camera_id=torn.id, deadline_ms=1)
    capture = overdue(archive)
    write_records(archive, capture_record(archive))
    database._run_once()
    database._run_once()
    outcomes = Capture.objects.values_list("camera__slug", "status", "reason")
    assert (database.away_since, capture.status) == (None, "planned")
    assert sorted(outcomes) == [
        ("sim", "failed", "camera_error"),
        ("sim", "failed", "not_started"),
        ("torn", "planned", ""),
    ]


def test_a_recovery_that_cannot_be_processed_is_recorded_once_and_delays_nothing(
    archive: Archive, database: DatabaseSync
) -> None:
    slot = CameraSlot(unreadable(archive), RestartSchedule())
    database.record_recovery(slot, {"interrupted": ["x"], "finished": [], "removed": [], "rejected": []})
    database.record_event("command", "The next event.", "info", None, {})
    database._run_once()
    database._run_once()
    assert sorted(Event.objects.values_list("kind", flat=True)) == ["command", "spool.recovered"]


def without_alerts(execute: Any, sql: str, *rest: Any) -> Any:
    """A database that is away when an alert is resolved."""
    if sql.startswith('UPDATE "monitoring_alert"'):
        raise OperationalError("database is locked")
    return execute(sql, *rest)


def test_a_recovery_that_the_database_interrupts_is_recorded_once(archive: Archive, database: DatabaseSync) -> None:
    database.record_recovery(
        CameraSlot(archive.desired(), RestartSchedule()), {"interrupted": ["x"], "finished": [], "rejected": []}
    )
    with connection.execute_wrapper(without_alerts), pytest.raises(OperationalError):
        database._outbox.flush()
    database._outbox.flush()
    assert Event.objects.filter(kind="spool.recovered").count() == 1


@pytest.mark.parametrize("part", ["", "clips"])
def test_a_rejected_record_in_a_spool_without_a_process_raises_an_alert(
    archive: Archive, database: DatabaseSync, part: str
) -> None:
    spool = archive.spool / part
    spool.mkdir(parents=True)
    (spool / "0193a000-0000-7000-8000-000000000001.plan").write_text("{")
    database.recover_spool(archive.desired().of_clips if part else archive.desired())
    database._sync()
    [alert] = Alert.objects.all()
    assert (alert.key, alert.severity, alert.camera) == ("spool.rejected:sim", "error", "sim")


CLIP = "0193a000-0000-7000-8000-000000000002"


def opened(kind: str) -> list[str]:
    """Messages of the unresolved alerts of this kind."""
    alerts = Alert.objects.filter(key=f"{kind}:sim").exclude(state=Alert.State.RESOLVED)
    return list(alerts.values_list("message", flat=True))


def sweep(database: DatabaseSync) -> None:
    database._read_now, database._swept_at = True, 0.0
    database._sync()
    database._outbox.flush()


def test_the_alert_of_rejected_records_is_resolved_once_they_are_removed(
    archive: Archive, database: DatabaseSync
) -> None:
    type(archive.camera).objects.update(enabled=False)
    (archive.spool / "clips").mkdir(parents=True)
    for folder in (archive.spool, archive.spool / "clips"):
        (folder / f"{CLIP}.plan").write_text("{")
    sweep(database)
    seen = []
    for folder in (archive.spool, archive.spool / "clips"):
        sweep(database)
        seen.append(len(opened("spool.rejected")))
        (folder / "rejected" / f"{CLIP}.plan").unlink()
    sweep(database)
    assert (seen, opened("spool.rejected")) == ([1, 1], [])


def test_the_alert_of_rejected_records_stays_while_their_root_is_absent(
    archive: Archive, database: DatabaseSync
) -> None:
    type(archive.camera).objects.update(enabled=False)
    archive.spool.mkdir(parents=True)
    (archive.spool / f"{CLIP}.plan").write_text("{")
    sweep(database)
    (archive.spool / "rejected").rename(archive.folder / "away")
    (archive.folder / MARKER).unlink()
    sweep(database)
    assert len(opened("spool.rejected")) == 1


def left_clip(archive: Archive) -> None:
    """A committed clip of a camera without a process; a symbolic link is in its place in the archive."""
    type(archive.camera).objects.update(enabled=False)
    spool, part = archive.spool / "clips", f"{CLIP}.clip.part"
    spool.mkdir(parents=True)
    (spool / part).write_bytes(b"mp4")
    file = {"kind": "clip", "bytes": 3, "sha256": "", "part": part, "path": f"clips/{CLIP}.mp4", "width": 2}
    record = {"kind": "clip", "id": CLIP, "camera": "", "slug": "sim", "root": "", "files": [file], "body": {}}
    (spool / f"{CLIP}.json").write_text(json.dumps(record))
    (archive.folder / "clips").symlink_to(archive.folder / ".spool")


def test_an_unfinished_clip_in_a_spool_without_a_process_is_an_alert_and_logged_once(
    archive: Archive, database: DatabaseSync, caplog: pytest.LogCaptureFixture
) -> None:
    left_clip(archive)
    for _ in range(3):
        sweep(database)
    [message] = opened("recording.left")
    assert (message.startswith("A clip of sim"), "Not a directory" in message) == (True, True)
    assert len([one for one in caplog.records if "clip" in one.getMessage().lower()]) == 1


def test_the_alert_of_an_unfinished_clip_is_resolved_once_it_is_finished(
    archive: Archive, database: DatabaseSync
) -> None:
    left_clip(archive)
    sweep(database)
    database.resolve_alert("recording.left:sim")  # as the end of a recorder's alerts would
    sweep(database)
    before = len(opened("recording.left"))
    (archive.folder / "clips").unlink()
    sweep(database)
    assert (before, opened("recording.left")) == (1, [])


def test_the_alert_of_an_unfinished_clip_is_resolved_once_it_is_removed(
    archive: Archive, database: DatabaseSync
) -> None:
    left_clip(archive)
    sweep(database)
    for path in (archive.spool / "clips").glob(f"{CLIP}*"):
        path.unlink()
    sweep(database)
    assert opened("recording.left") == []
