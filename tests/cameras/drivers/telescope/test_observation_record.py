"""The scheduler's file of fields, written and read by a C program with its structures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.layouts import (
    MAX_RECORD_BYTES,
    ObservationRecord,
    RecordTime,
    pack_record,
    read_record,
    unpack_record,
)
from tests.harness.far_ends.c_scheduler.build import CScheduler

TIME = RecordTime(2026, 1, 1, 3, 0, 0)
LINE = b"2 2026 1 1 3 0 0\n"


@dataclass(frozen=True)
class Taken:
    filename: str = "20260101040000s"
    ut: float = 4.0
    jd: float = 2461041.75
    actual_exposure_s: float = 36.0


def record_of(*fields: Field) -> ObservationRecord:
    return ObservationRecord(TIME, list(fields))


@st.composite
def damaged_records(draw: st.DrawFn) -> bytes:
    """Two fields, with some bytes changed and the end cut off or extended."""
    content = bytearray(pack_record(record_of(Field.dark(36.0, n_required=3), Field.sky(5.5, -29.25, 60.0))))
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        content[place] = draw(st.integers(0, 255))
    end = draw(st.just(len(content)) | st.integers(0, len(content)))
    return bytes(content[:end]) + draw(st.binary(max_size=20))


def test_the_fields_that_the_scheduler_saved_are_read(c_scheduler: CScheduler) -> None:
    record = unpack_record(c_scheduler.save(3, "2026 1 1 3 0 59"))
    assert record.time == RecordTime(2026, 1, 1, 3, 0, 59)
    assert [field.n_done for field in record.fields] == [0, 1, 2]
    last = record.fields[2]
    assert (last.status, last.survey_code, last.ra, last.time_left) == (3, 10, 12.0, 28.0)
    assert (last.comment, last.filename) == ("field 2", ["20260101030000s", "20260101030001s"])
    assert (last.ut, last.actual_expt) == ([29.5, 35.5], [34.5, 40.5])


@pytest.mark.parametrize("count", [0, 1, 3, 500])
def test_a_file_of_the_scheduler_is_written_back_identical(c_scheduler: CScheduler, count: int) -> None:
    content = c_scheduler.save(count)
    assert pack_record(unpack_record(content)) == content


def test_bytes_of_an_earlier_record_behind_the_last_field_stay(c_scheduler: CScheduler) -> None:
    c_scheduler.save(3, "2026 12 31 23 59 59")
    content = c_scheduler.save(2, "2027 1 1 0 0 0")
    assert len(content) == len("3 2026 12 31 23 59 59\n") + 3 * 7608
    record = unpack_record(content)
    assert len(record.fields) == 2
    assert pack_record(record) == content


def test_the_scheduler_reads_what_was_changed_and_all_else_keeps_its_bytes(c_scheduler: CScheduler) -> None:
    content = c_scheduler.save(3)
    before = c_scheduler.show(content)
    record = unpack_record(content)
    record.fields[1].record_observation(Taken(), lst=1.5, ha=2.5, am=1.25)
    changed = pack_record(record)
    assert sorted(set(c_scheduler.show(changed)) - set(before)) == [
        "1 actual_expt[1] 0.01",
        "1 am[1] 1.25",
        "1 filename[1] 20260101040000s",
        "1 ha[1] 2.5",
        "1 jd[1] 2461041.75",
        "1 jd_next 2461042.5416666665",
        "1 lst[1] 1.5",
        "1 n_done 2",
        "1 ut[1] 4",
    ]
    first, last = len(LINE), len(LINE) + 2 * 7608
    assert (changed[:first], changed[last:]) == (content[:first], content[last:])
    assert changed[first : first + 7608] == content[first : first + 7608]


def test_the_scheduler_reads_a_record_that_it_has_not_written(c_scheduler: CScheduler) -> None:
    field = Field(
        0.25, SKY_CODE, ra=5.5, dec=-29.25, script_line="5.5 -29.25 Y 900 0 1 0 # a", n_done=1, jd=[2461041.5]
    )
    shown = c_scheduler.show(pack_record(record_of(field, Field.dark(36.0))))
    assert shown[0] == "time 2026 1 1 3 0 0"
    assert {"0 expt 0.25", "0 ra 5.5", "0 dec -29.25", "0 n_done 1", "0 jd[0] 2461041.5", "1 shutter 0"} <= {*shown}
    assert "0 script_line 5.5 -29.25 Y 900 0 1 0 # a" in shown


def test_a_new_time_moves_the_fields_as_the_scheduler_does(c_scheduler: CScheduler) -> None:
    c_scheduler.save(2, "2026 1 1 3 59 59")
    record = unpack_record(c_scheduler.file.read_bytes())
    record.time = RecordTime(2026, 1, 1, 4, 0, 0)
    assert pack_record(record) == c_scheduler.save(2, "2026 1 1 4 0 0")


def test_a_field_that_was_added_is_written_as_the_scheduler_does(c_scheduler: CScheduler) -> None:
    c_scheduler.save(3)
    third = unpack_record(c_scheduler.file.read_bytes()).fields[2]
    c_scheduler.file.unlink()
    record = unpack_record(c_scheduler.save(2))
    record.fields.append(third)
    assert c_scheduler.show(pack_record(record)) == c_scheduler.show(c_scheduler.save(3))


@pytest.mark.parametrize(
    "line",
    [
        b"2 2026 1 1 3 0 0 and a remark\n",
        b" 2\t2026 01 01  +3 0 0\r\n",
        b"2 2026 1 1 3 0 0\0 garbage\n",
        b"2 2026 1 1 3 0 0\xff\n",
    ],
)
def test_a_line_as_the_scheduler_would_read_it_stays(line: bytes) -> None:
    content = line + pack_record(record_of(Field.dark(36.0), Field.dark(60.0)))[len(LINE) :]
    record = unpack_record(content)
    assert record.time == TIME
    assert pack_record(record) == content


def test_a_record_is_read_from_its_file(c_scheduler: CScheduler, tmp_path: Path) -> None:
    content = c_scheduler.save(2)
    assert read_record(tmp_path / "scheduler.bin").content == content
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "other.bin")


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.bin"
    with path.open("wb") as file:
        file.write(b"0 2026 1 1 3 0 0\n")
        file.truncate(10**12)
    with pytest.raises(ValueError, match=rf"more than {MAX_RECORD_BYTES} bytes, which 500 fields need at most"):
        read_record(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"^The record is empty\.$"),
        (b"2 2026 1 1 3 0 0", r"^The first line of the record does not end within 1023 bytes\.$"),
        (b" " * 1023 + LINE, r"^The first line of the record does not end within 1023 bytes\.$"),
        (b"2 2026 1 1 3 0\n", r"b'2 2026 1 1 3 0', does not have the seven whole numbers of 32 bits"),
        (b"1234567\n", "does not have the seven whole numbers"),
        (b"0 2026 1 1 3 0 2147483648\n", "does not have the seven whole numbers of 32 bits"),
        (b"\n" + LINE, "does not have the seven whole numbers"),
        (b"-1 2026 1 1 3 0 0\n", r"^By its first line the record has -1 fields; allowed are 0 to 500\.$"),
        (b"501 2026 1 1 3 0 0\n", r"^By its first line the record has 501 fields; allowed are 0 to 500\.$"),
        (LINE + bytes(15215), "it has 2 fields, which end at byte 15233, but it has 15232 bytes"),
        (LINE, "it has 2 fields, which end at byte 15233, but it has 17 bytes"),
        (
            LINE + bytes(7608) + b"\xff" * 7608,
            r"^fields\[1\], at byte 7625, has an n_done of -1; allowed are 0 to 100\.$",
        ),
    ],
)
def test_what_is_no_record_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        unpack_record(content)


def test_a_record_has_at_most_500_fields() -> None:
    with pytest.raises(ValueError, match=r"^There are 501 fields; a record has at most 500\.$"):
        pack_record(record_of(*[Field.dark(36.0)] * 501))


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (3.5, r"^The time of the record, \(2026, 1, 1, 3, 0, 3\.5\), is not six whole numbers\.$"),
        ("3", "is not six whole numbers"),
        (None, "is not six whole numbers"),
        (2**31, "does not have the seven whole numbers of 32 bits"),
    ],
)
def test_a_time_without_whole_numbers_is_not_written(second: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        pack_record(ObservationRecord(TIME._replace(second=second), []))


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"0 2026 1 1 3 0 0" + rest))
def test_any_content_is_written_back_identical_or_refused_with_a_sentence(content: bytes) -> None:
    with suppress(ValueError):
        assert pack_record(unpack_record(content)) == content


@given(damaged_records())
def test_a_damaged_record_is_written_back_identical_or_refused_with_a_sentence(content: bytes) -> None:
    with suppress(ValueError):
        assert pack_record(unpack_record(content)) == content
