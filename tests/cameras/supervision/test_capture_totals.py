"""The totals of captures: counted with the outcome, once, and never lowered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from captures.capturing.outcomes import NO_BOUND_MS, count_outcome, fail_unsent_capture, totals_of
from captures.models import Capture, CaptureTotal
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, session_records, write_records

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 20, tzinfo=UTC)


def totals(archive: Archive) -> Any:
    return totals_of([str(archive.camera.id)])[str(archive.camera.id)]


def saved(archive: Archive) -> Capture:
    """Its exposure took a second."""
    ended = AT + timedelta(seconds=1)
    return Capture.objects.create(camera=archive.camera, status="saved", started_at=AT, ended_at=ended)


def test_each_outcome_is_counted_under_its_status(archive: Archive) -> None:
    write_records(archive, capture_record(archive, "saved"), capture_record(archive, "failed"))
    archive.ingest()
    fail_unsent_capture(archive.planned().pk, "not_started", "It was late.")
    assert totals(archive) == {"saved": 1, "failed": 2, "skipped": 0}
    assert CaptureTotal.objects.get(reason="not_started").captures == 1


def test_captures_of_the_same_outcome_add_up(archive: Archive) -> None:
    count_outcome(saved(archive), 1.5)
    count_outcome(saved(archive), 2.0)
    total = CaptureTotal.objects.get(duration_le_ms=2500)
    assert (total.captures, total.seconds) == (2, 3.5)


def test_the_duration_is_that_of_the_record_and_not_of_the_exposure(archive: Archive) -> None:
    record = capture_record(archive, "saved")
    record["body"]["durable_after_s"] = 13.9
    write_records(archive, record)
    archive.ingest()
    total = CaptureTotal.objects.get()
    assert (total.duration_le_ms, total.seconds) == (15_000, 13.9)


def test_a_capture_whose_duration_is_not_known_is_counted_without_one(archive: Archive) -> None:
    count_outcome(saved(archive))
    total = CaptureTotal.objects.get()
    assert (total.captures, total.duration_le_ms, total.seconds) == (1, 0, 0.0)


def test_a_record_that_is_ingested_again_is_not_counted_again(archive: Archive) -> None:
    record = capture_record(archive, "saved")
    write_records(archive, record)
    archive.ingest()
    write_records(archive, record)
    archive.ingest()
    assert totals(archive)["saved"] == 1


def test_captures_that_an_outage_prevented_count_as_skipped(archive: Archive) -> None:
    write_records(archive, *session_records(archive, str(archive.session().id), gap=4))
    archive.ingest()
    assert totals(archive)["skipped"] == 4


def test_a_deleted_row_stays_counted(archive: Archive) -> None:
    write_records(archive, capture_record(archive, "saved"))
    archive.ingest()
    Capture.objects.all().delete()
    assert totals(archive)["saved"] == 1


def test_an_outcome_that_is_rolled_back_is_not_counted(archive: Archive) -> None:
    with transaction.atomic():
        count_outcome(saved(archive), 1.0)
        transaction.set_rollback(True)
    assert totals(archive)["saved"] == 0


@pytest.mark.parametrize(("seconds", "bound_ms"), [(0.1, 100), (0.11, 250), (15.0, 15_000), (901.0, NO_BOUND_MS)])
def test_a_duration_is_counted_at_its_bound(seconds: float, bound_ms: int, archive: Archive) -> None:
    count_outcome(saved(archive), seconds)
    total = CaptureTotal.objects.get()
    assert (total.duration_le_ms, total.seconds) == (bound_ms, seconds)
