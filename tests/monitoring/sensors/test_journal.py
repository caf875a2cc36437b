"""Readings in files while the database is away."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.readings.reading import JudgedReading
from monitoring.sensor_host.journal import SEGMENT_READINGS, ReadingJournal


def readings(number: int, first: int = 0) -> list[JudgedReading]:
    return [
        JudgedReading("uuid", "balcony", "t", "temperature", "", at_ms, 20.5, "ok")
        for at_ms in range(first, first + number)
    ]


@pytest.fixture
def journal(tmp_path: Path) -> ReadingJournal:
    return ReadingJournal(tmp_path / "readings", max_segments=3)


def times(journal: ReadingJournal) -> list[int]:
    """The times of all readings, which are removed from the journal."""
    found = []
    while (segment := journal.oldest()) is not None:
        found += [reading.at_ms for reading in segment[1]]
        journal.remove(segment[0])
    return found


def test_readings_come_back_in_their_order(journal: ReadingJournal) -> None:
    journal.append(readings(3))
    journal.append(readings(2, first=3))
    assert times(journal) == [0, 1, 2, 3, 4]


def test_an_empty_journal_is_false(journal: ReadingJournal) -> None:
    assert not journal


def test_readings_survive_the_end_of_the_process(journal: ReadingJournal, tmp_path: Path) -> None:
    journal.append(readings(3))
    assert times(ReadingJournal(tmp_path / "readings")) == [0, 1, 2]


def test_a_new_segment_and_its_folder_survive_a_power_cut(
    journal: ReadingJournal, tmp_path: Path, synced: list[str]
) -> None:
    journal.append(readings(1))
    [segment] = (tmp_path / "readings").iterdir()
    assert synced == [str(segment), str(segment.parent), str(tmp_path)]


def test_a_line_that_was_cut_off_loses_only_itself(journal: ReadingJournal, tmp_path: Path) -> None:
    journal.append(readings(2))
    (segment,) = (tmp_path / "readings").iterdir()
    segment.write_bytes(segment.read_bytes()[:-10])
    after_the_kill = ReadingJournal(tmp_path / "readings")
    after_the_kill.append(readings(1, first=2))
    assert times(after_the_kill) == [0, 2]


def test_the_oldest_readings_go_and_are_counted(journal: ReadingJournal) -> None:
    dropped = journal.append(readings(4 * SEGMENT_READINGS))
    assert (dropped, times(journal)[0]) == (SEGMENT_READINGS, SEGMENT_READINGS)


def test_readings_that_arrive_while_a_segment_is_written_are_not_removed_with_it(journal: ReadingJournal) -> None:
    journal.append(readings(1))
    segment = journal.oldest()
    assert segment is not None
    journal.append(readings(1, first=1))
    journal.remove(segment[0])
    assert times(journal) == [1]


def test_readings_that_arrive_during_the_replay_are_kept(journal: ReadingJournal) -> None:
    journal.append(readings(1))
    segment = journal.oldest()
    assert segment is not None
    journal.remove(segment[0])
    journal.append(readings(1, first=1))
    assert times(journal) == [1]


def test_half_a_line_of_a_full_disk_damages_no_later_reading(
    journal: ReadingJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(readings(1))

    def write_half(_descriptor: int) -> None:
        (segment,) = (tmp_path / "readings").iterdir()
        segment.write_bytes(segment.read_bytes()[:-10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", write_half)
        with pytest.raises(OSError, match="No space left"):
            journal.append(readings(1, first=1))
    journal.append(readings(2, first=1))
    assert times(journal) == [0, 1, 2]
