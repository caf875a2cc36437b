"""`scheduler.bin`, in which the scheduler keeps the fields of a night: a line of text, then each field as C's `Field`.

The C scheduler writes it after each observation, from the start of the file, and never shortens it. So bytes of earlier
records can follow the last field, for example after a line of text that had more digits.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from scheduler.telescope.driver.field import MAX_FIELDS, Field
from scheduler.telescope.driver.layouts import FIELD, pack_fields, unpack_fields

FILE_NAME = "scheduler.bin"
MAX_LINE_BYTES = 1023
MAX_RECORD_BYTES = MAX_LINE_BYTES + MAX_FIELDS * FIELD.itemsize

# As the C code reads it: seven numbers, and whatever follows them in the line.
_LINE = re.compile(rb"\s*([+-]?\d++)" * 7)
_INT32 = range(-(2**31), 2**31)


class RecordTime(NamedTuple):
    """UTC. No number is checked, because the C code checks none."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int


@dataclass(slots=True)
class ObservationRecord:
    time: RecordTime
    """When it was written."""
    fields: list[Field]
    content: bytes = field(default=b"", repr=False)
    """The file as it is now, or empty without one. What has not changed keeps its bytes."""


def read_record(path: str | os.PathLike[str]) -> ObservationRecord:
    """ValueError for a file that `unpack_record` refuses; OSError."""
    with open(path, "rb") as file:
        return unpack_record(file.read(MAX_RECORD_BYTES + 1))


def unpack_record(content: bytes) -> ObservationRecord:
    """ValueError for a content that is no record. An empty one is none: the C code then begins without observations."""
    if len(content) > MAX_RECORD_BYTES:
        raise ValueError(f"The record has more than {MAX_RECORD_BYTES} bytes, which {MAX_FIELDS} fields need at most.")
    begin, count, time = _read_line(content)
    end = begin + count * FIELD.itemsize
    if len(content) < end:
        raise ValueError(
            f"The record is truncated: by its first line it has {count} fields, which end at byte {end}, but it has"
            f" {len(content)} bytes."
        )
    return ObservationRecord(time, unpack_fields(content[:end], begin), content)


def pack_record(record: ObservationRecord) -> bytes:
    """The content of the file, as the C scheduler writes it over `record.content`.

    ValueError for more than MAX_FIELDS fields, and for a value that the C structures cannot hold.
    """
    if len(record.fields) > MAX_FIELDS:
        raise ValueError(f"There are {len(record.fields)} fields; a record has at most {MAX_FIELDS}.")
    if not all(isinstance(number, int) for number in record.time):
        raise ValueError(f"The time of the record, {tuple(record.time)}, is not six whole numbers.")
    line = b"%d %d %d %d %d %d %d\n" % (len(record.fields), *record.time)
    written = _read_line(line)[1:]
    before = b""
    if record.content:
        begin, count, time = _read_line(record.content)
        before = record.content[begin:]
        if (count, time) == written:
            line = record.content[:begin]
    content = line + pack_fields(record.fields, before)
    return content + record.content[len(content) :]


def _read_line(content: bytes) -> tuple[int, int, RecordTime]:
    """Where the first line ends, the number of fields, and the time."""
    if not content:
        raise ValueError("The record is empty.")
    line, found, _ = content[:MAX_LINE_BYTES].partition(b"\n")
    if not found:
        raise ValueError(f"The first line of the record does not end within {MAX_LINE_BYTES} bytes.")
    match = _LINE.match(line)
    numbers = [int(number) for number in match.groups()] if match else []
    if not numbers or not all(number in _INT32 for number in numbers):
        raise ValueError(
            f"The first line of the record, {line[:80]!r}, does not have the seven whole numbers of 32 bits: the number"
            " of fields, year, month, day, hour, minute, second."
        )
    count, *time = numbers
    if not 0 <= count <= MAX_FIELDS:
        raise ValueError(f"By its first line the record has {count} fields; allowed are 0 to {MAX_FIELDS}.")
    return len(line) + 1, count, RecordTime(*time)
