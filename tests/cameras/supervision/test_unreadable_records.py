"""For how long records of a spool wait for those that cannot be read."""

from __future__ import annotations

import pytest

from cameras.supervision.ingester import UnreadableRecords

SPOOL, OTHER = ("/data", "sim", ""), ("/data", "sim", "clips")


@pytest.fixture
def records() -> UnreadableRecords:
    return UnreadableRecords()


def test_the_time_of_a_record_counts_from_its_first_failure(records: UnreadableRecords) -> None:
    assert [records.add(SPOOL, "a", now) for now in (10.0, 40.0, 71.0)] == [0.0, 30.0, 61.0]


def test_a_record_that_waited_for_another_one_is_not_waited_for_again(records: UnreadableRecords) -> None:
    records.add(SPOOL, "a", 0.0)
    records.note_waiting(SPOOL, ["a", "b"], 5.0)
    records.note_waiting(SPOOL, ["a", "b", "c"], 50.0)
    assert [records.add(SPOOL, record, 65.0) for record in ("a", "b", "c")] == [65.0, 60.0, 15.0]


def test_a_spool_whose_records_can_be_read_again_has_forgotten_them(records: UnreadableRecords) -> None:
    records.add(SPOOL, "a", 0.0)
    records.note_waiting(SPOOL, ["a", "b"], 0.0)
    records.remove(SPOOL, "a")
    assert records.are_in(SPOOL) is False
    assert records.add(SPOOL, "b", 100.0) == 0.0


def test_each_spool_has_its_own_records(records: UnreadableRecords) -> None:
    records.add(SPOOL, "a", 0.0)
    records.note_waiting(SPOOL, ["a", "b"], 0.0)
    assert records.add(OTHER, "b", 100.0) == 0.0
