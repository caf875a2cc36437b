"""Outcomes of captures that have no record: overdue ones, and those of a process that has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from cameras.commands.messages import Answer
from cameras.models import Camera
from cameras.spool.storage import MARKER, make_root
from cameras.supervision.camera_slot import CameraSlot, CameraSlots, OutstandingCommand
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.outbox import Outbox
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.supervision.spool_janitor import OutcomeReconciler
from captures.models import Capture
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, write_records
from tests.harness.supervision.hosts import Answers

pytestmark = pytest.mark.django_db
NEW_ROOT = "0193a000-0000-7000-8000-0000000000bb"


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def outcomes(answers: Answers) -> OutcomeReconciler:
    return OutcomeReconciler("main", NO_FENCE, CameraSlots(), answers, Outbox(NO_FENCE))


def overdue(archive: Archive) -> Capture:
    capture = archive.planned()
    Capture.objects.filter(pk=capture.pk).update(deadline_ms=1)
    return capture


def settle_overdue(outcomes: OutcomeReconciler, archive: Archive) -> None:
    outcomes.settle_overdue({str(archive.camera.id): [archive.desired()]})


def unmounted(archive: Archive) -> Path:
    """Move the root's content away, as if its disk were unmounted; returns its new place."""
    disk = archive.folder.with_name("disk")
    archive.folder.rename(disk)
    archive.folder.mkdir()
    return disk


def test_a_capture_that_no_spool_knows_has_failed_after_its_deadline(
    archive: Archive, outcomes: OutcomeReconciler, valkey: Any
) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive))
    settle_overdue(outcomes, archive)
    capture.refresh_from_db()
    assert capture.status == "failed"
    assert capture.reason == "not_started"


def test_nothing_is_overdue_while_the_broker_is_away(archive: Archive, outcomes: OutcomeReconciler) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive))
    settle_overdue(outcomes, archive)
    capture.refresh_from_db()
    assert capture.status == "planned"


def test_a_capture_recorded_on_an_unmounted_root_is_saved_when_the_root_is_back(
    archive: Archive, outcomes: OutcomeReconciler, valkey: Any
) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive, "saved", str(capture.pk)))
    disk = unmounted(archive)
    settle_overdue(outcomes, archive)
    archive.folder.rmdir()
    disk.rename(archive.folder)
    archive.ingest()
    capture.refresh_from_db()
    assert capture.status == "saved"
    assert archive.inconsistencies() == [f"{capture.pk} is saved without a file or a reference"]


def test_captures_that_cannot_be_settled_do_not_hold_up_older_ones_of_another_camera(
    archive: Archive, outcomes: OutcomeReconciler, valkey: Any, tmp_path: Path
) -> None:
    capture = overdue(archive)
    write_records(archive, capture_record(archive))
    away = Camera.objects.create(slug="away", name="Away", kind="simulated", host="main")
    Capture.objects.bulk_create(Capture(camera=away, host="main", deadline_ms=1) for _ in range(100))
    elsewhere = replace(archive.desired(), id=str(away.id), slug="away", root_path=str(tmp_path / "not-mounted"))
    outcomes.settle_overdue({str(archive.camera.id): [archive.desired()], str(away.id): [elsewhere]})
    capture.refresh_from_db()
    assert capture.status == "failed"
    assert Capture.objects.filter(camera=away, status="planned").count() == 100


def test_a_capture_that_was_begun_on_the_former_root_is_not_settled_without_its_record(
    archive: Archive, outcomes: OutcomeReconciler, valkey: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    capture, former = overdue(archive), archive.desired()
    write_records(archive, capture_record(archive, capture=str(capture.pk)))
    folder = tmp_path_factory.mktemp("new-root")
    make_root(folder, NEW_ROOT)
    present = replace(former, root=NEW_ROOT, root_path=str(folder))
    outcomes.settle_overdue({str(archive.camera.id): [present, former]})
    capture.refresh_from_db()
    assert capture.status == "planned"


def with_ended_process(archive: Archive, capture: Capture) -> CameraSlot:
    """The command `c` of the capture was sent to a process that has ended."""
    slot = CameraSlot(archive.desired(), RestartSchedule())
    slot.outstanding.add("c", OutstandingCommand(str(capture.pk), cast(Any, "a process that has ended")))
    return slot


def test_a_capture_of_an_ended_process_is_not_settled_while_its_root_is_not_mounted(
    archive: Archive, outcomes: OutcomeReconciler
) -> None:
    capture = archive.planned()
    slot = with_ended_process(archive, capture)
    (archive.folder / MARKER).unlink()
    outcomes.settle_lost(slot, slot.outstanding.captures())
    capture.refresh_from_db()
    assert capture.status == "planned"
    assert list(slot.outstanding.captures()) == ["c"]


def test_a_capture_that_its_process_never_began_is_settled_and_its_caller_answered(
    archive: Archive, outcomes: OutcomeReconciler, answers: Answers
) -> None:
    capture = archive.planned()
    slot = with_ended_process(archive, capture)
    outcomes.settle_lost(slot, slot.outstanding.captures())
    capture.refresh_from_db()
    assert capture.reason == "not_started"
    assert answers.answered == ["c"]
    assert len(slot.outstanding) == 0


def test_a_capture_that_was_never_sent_is_settled_before_its_caller_is_answered(
    archive: Archive, answers: Answers
) -> None:
    capture, outbox = archive.planned(), Outbox(NO_FENCE)
    outcomes = OutcomeReconciler("main", NO_FENCE, CameraSlots(), answers, outbox)
    outcomes.settle_capture(str(capture.pk), "camera_unreachable", "It is off.", "c", Answer(ok=False))
    before = (outcomes.is_settled(str(capture.pk)), answers.answered)
    outbox.flush()
    assert before == (False, [])
    assert outcomes.is_settled(str(capture.pk)) is True
    assert answers.answered == ["c"]
