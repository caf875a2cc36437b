"""The C scheduler's structures as bytes: `Field`, `Camera_Status` and `Fits_Header` as a 64-bit little-endian machine
lays them out; and `scheduler.bin`, in which it keeps the fields of a night: a line of text, then each field. A C
program leaves bytes undefined: padding, what follows the NUL of a text, elements beyond the number that counts. The
functions that pack have the argument `onto`, an earlier content: undefined bytes stay as they are in it, and so does
a text that has not changed. What `onto` does not have is 0. The C scheduler writes `scheduler.bin` after each
observation, from the start of the file, and never shortens it. So bytes of earlier records can follow the last field,
for example after a line of text that had more digits."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from scheduler.telescope.driver.field import FILENAME_LENGTH, MAX_FIELDS, MAX_OBS_PER_FIELD, Field
from scheduler.telescope.driver.header import MAX_FITS_WORDS, MAX_TEXT_BYTES, FitsHeader
from scheduler.telescope.driver.status import NUM_STATES, CameraStatus

T = TypeVar("T")

TEXT_BYTES = 1024
WORD_BYTES = MAX_TEXT_BYTES + 1


def _structure(size: int, *members: tuple[str, Any, int]) -> np.dtype[np.void]:
    """`members`: name, type and offset."""
    names, formats, offsets = zip(*members, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


FIELD = _structure(
    7608,
    ("status", "<i4", 0),
    ("doable", "<i4", 4),
    ("selection_code", "<i4", 8),
    ("field_number", "<i4", 12),
    ("line_number", "<i4", 16),
    ("script_line", f"S{TEXT_BYTES}", 20),
    ("ra", "<f8", 1048),
    ("dec", "<f8", 1056),
    ("gal_long", "<f8", 1064),
    ("gal_lat", "<f8", 1072),
    ("ecl_long", "<f8", 1080),
    ("ecl_lat", "<f8", 1088),
    ("epoch", "<f8", 1096),
    ("shutter", "<i4", 1104),
    ("expt", "<f8", 1112),
    ("interval", "<f8", 1120),
    ("n_required", "<i4", 1128),
    ("survey_code", "<i4", 1132),
    ("ut_rise", "<f8", 1136),
    ("ut_set", "<f8", 1144),
    ("jd_rise", "<f8", 1152),
    ("jd_set", "<f8", 1160),
    ("jd_next", "<f8", 1168),
    ("n_done", "<i4", 1176),
    ("time_up", "<f8", 1184),
    ("time_required", "<f8", 1192),
    ("time_left", "<f8", 1200),
    ("ut", ("<f8", MAX_OBS_PER_FIELD), 1208),
    ("jd", ("<f8", MAX_OBS_PER_FIELD), 2008),
    ("lst", ("<f8", MAX_OBS_PER_FIELD), 2808),
    ("ha", ("<f8", MAX_OBS_PER_FIELD), 3608),
    ("am", ("<f8", MAX_OBS_PER_FIELD), 4408),
    ("actual_expt", ("<f8", MAX_OBS_PER_FIELD), 5208),
    ("filename", (f"S{FILENAME_LENGTH}", MAX_OBS_PER_FIELD), 6008),
)
CAMERA_STATUS = _structure(
    3168,
    ("ready", "?", 0),
    ("error", "?", 1),
    ("error_code", "<i4", 4),
    ("state", f"S{TEXT_BYTES}", 8),
    ("comment", f"S{TEXT_BYTES}", 1032),
    ("date", f"S{TEXT_BYTES}", 2056),
    ("read_time", "<f8", 3080),
    ("state_val", ("<i4", NUM_STATES), 3088),
)
FITS_WORD = _structure(
    2 * WORD_BYTES,
    ("keyword", f"S{WORD_BYTES}", 0),
    ("value", f"S{WORD_BYTES}", WORD_BYTES),
)
FITS_HEADER = _structure(
    4 + MAX_FITS_WORDS * FITS_WORD.itemsize,
    ("num_words", "<i4", 0),
    ("words", (FITS_WORD, MAX_FITS_WORDS), 4),
)

OBSERVED = ("ut", "jd", "lst", "ha", "am", "actual_expt")
"""The members of a field that have one number for each observation."""
NUMBERS = tuple(name for name in FIELD.names or () if name not in {*OBSERVED, "script_line", "filename"})
"""The members of a field that are one number."""


def unpack_field(data: bytes) -> Field:
    """ValueError when `data` does not have the size of a `Field`, or for an `n_done` that no field has."""
    _check_size(data, FIELD, "Field")
    return unpack_fields(data)[0]


def pack_field(field: Field, onto: bytes = b"") -> bytes:
    """ValueError for a value that the structure cannot hold."""
    return pack_fields([field], onto)


def unpack_fields(data: bytes, begin: int = 0) -> list[Field]:
    """The `Field`s from the byte `begin` to the end. Bytes of a text that are not UTF-8 become U+FFFD.

    ValueError when a part of one is missing, or for an `n_done` that no field has.
    """
    count, rest = divmod(len(data) - begin, FIELD.itemsize)
    if rest:
        raise ValueError(
            f"The content is truncated: the field at byte {len(data) - rest} has {rest} of {FIELD.itemsize} bytes."
        )
    records: NDArray[np.void] = np.ndarray(count, FIELD, data, begin)
    done = _read_done(records, begin)
    columns = {name: records[name].tolist() for name in NUMBERS}
    columns["script_line"] = [_decode(line) for line in records["script_line"].tolist()]
    for name in OBSERVED:
        columns[name] = [row[:n_done].tolist() for row, n_done in zip(records[name], done, strict=True)]
    columns["filename"] = [
        [_decode(text) for text in row[:n_done].tolist()] for row, n_done in zip(records["filename"], done, strict=True)
    ]
    return [Field(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]


def pack_fields(fields: Sequence[Field], onto: bytes = b"") -> bytes:
    """The `Field`s one after another. Of the lists of a field `n_done` elements count; what they do not have is 0.

    ValueError for a value that the structure cannot hold.
    """
    data = _base(onto, len(fields) * FIELD.itemsize)
    records: NDArray[np.void] = np.ndarray(len(fields), FIELD, data)
    for name in NUMBERS:
        records[name] = _numbers(FIELD[name], [getattr(field, name) for field in fields], f"fields[{{}}].{name}")
    done = _read_done(records)
    is_done = np.arange(MAX_OBS_PER_FIELD) < records["n_done"][:, np.newaxis]
    for name in OBSERVED:
        lists = (_fill(getattr(field, name), count, 0.0) for field, count in zip(fields, done, strict=True))
        numbers = [number for numbers in lists for number in numbers]
        where = f"fields[{{0[0]}}].{name}[{{0[1]}}]"
        records[name][is_done] = _numbers(np.dtype("<f8"), numbers, where, np.argwhere(is_done))
    for place, (one, count) in enumerate(zip(fields, done, strict=True)):
        _write_text(records["script_line"], place, one.script_line, f"fields[{place}].script_line")
        for number, text in enumerate(_fill(one.filename, count, "")):
            _write_text(records["filename"][place], number, text, f"fields[{place}].filename[{number}]")
    return bytes(data)


def _read_done(records: NDArray[np.void], begin: int = 0) -> list[int]:
    """`n_done` of each field, checked."""
    done: list[int] = records["n_done"].tolist()
    for place, n_done in enumerate(done):
        if not 0 <= n_done <= MAX_OBS_PER_FIELD:
            raise ValueError(
                f"fields[{place}], at byte {begin + place * FIELD.itemsize}, has an n_done of {n_done};"
                f" allowed are 0 to {MAX_OBS_PER_FIELD}."
            )
    return done


def _fill(values: list[T], count: int, unknown: T) -> list[T]:
    """Exactly `count` values."""
    return [*values[:count], *[unknown] * (count - len(values))]


def unpack_header(data: bytes) -> FitsHeader:
    """ValueError for a wrong size or number of words, and for a word that no header has. A blank value is UNKNOWN."""
    _check_size(data, FITS_HEADER, "Fits_Header")
    record = np.ndarray(1, FITS_HEADER, data)[0]
    count = int(record["num_words"])
    if not 0 <= count <= MAX_FITS_WORDS:
        raise ValueError(f"The header, at byte 0, has a num_words of {count}; allowed are 0 to {MAX_FITS_WORDS}.")
    words = record["words"][:count].tolist()
    return FitsHeader((_decode(keyword), _decode(value)) for keyword, value in words)


def pack_header(header: FitsHeader, onto: bytes = b"") -> bytes:
    """ValueError when `onto` is no header that can be unpacked."""
    data = _base(onto, FITS_HEADER.itemsize)
    before = unpack_header(bytes(data)).words
    record = np.ndarray(1, FITS_HEADER, data)[0]
    record["num_words"] = len(header)
    for place, word in enumerate(header):
        if before[place : place + 1] != (word,):
            _write_text(record["words"]["keyword"], place, word.keyword, f"words[{place}].keyword")
            _write_text(record["words"]["value"], place, word.value, f"words[{place}].value")
    return bytes(data)


def unpack_camera_status(data: bytes) -> CameraStatus:
    """ValueError when `data` does not have the size of a `Camera_Status`."""
    _check_size(data, CAMERA_STATUS, "Camera_Status")
    record = np.ndarray(1, CAMERA_STATUS, data)[0]
    return CameraStatus(
        ready=bool(record["ready"]),
        error=bool(record["error"]),
        error_code=int(record["error_code"]),
        state=_decode(record["state"]),
        comment=_decode(record["comment"]),
        date=_decode(record["date"]),
        read_time=float(record["read_time"]),
        state_val=record["state_val"].tolist(),
    )


def pack_camera_status(status: CameraStatus, onto: bytes = b"") -> bytes:
    """What is not reported is false. ValueError for a value that the structure cannot hold."""
    if len(status.state_val) != NUM_STATES:
        raise ValueError(f"state_val has {len(status.state_val)} numbers; it must have {NUM_STATES}.")
    data = _base(onto, CAMERA_STATUS.itemsize)
    record = np.ndarray(1, CAMERA_STATUS, data)
    for name, flag in (("ready", status.ready), ("error", status.error)):
        if bool(record[name][0]) != bool(flag):
            record[name] = bool(flag)
    record["error_code"] = _numbers(CAMERA_STATUS["error_code"], [status.error_code], "error_code")
    record["read_time"] = _numbers(CAMERA_STATUS["read_time"], [status.read_time], "read_time")
    record["state_val"] = _numbers(np.dtype("<i4"), status.state_val, "state_val[{}]")
    for name, text in (("state", status.state), ("comment", status.comment), ("date", status.date)):
        _write_text(record[name], 0, text, name)
    return bytes(data)


def _check_size(data: bytes, layout: np.dtype[np.void], name: str) -> None:
    if len(data) != layout.itemsize:
        raise ValueError(f"A {name} has {layout.itemsize} bytes; these are {len(data)}.")


def _base(onto: bytes, size: int) -> bytearray:
    return bytearray(onto[:size].ljust(size, b"\0"))


def _numbers(
    layout: np.dtype[Any], numbers: Sequence[float], where: str, places: NDArray[np.intp] | None = None
) -> NDArray[Any]:
    """`where.format(places[i])` is the name of number i; without `places` it is `where.format(i)`."""
    code = layout.char
    try:
        # Not by NumPy, which cuts fractions off and reads numbers out of texts.
        return np.ndarray(len(numbers), layout, struct.pack(f"<{len(numbers)}{code}", *numbers))
    except (struct.error, OverflowError) as error:
        wrong = next(place for place, number in enumerate(numbers) if not _fits(code, number))
        allowed = "a whole number from -2147483648 to 2147483647" if code == "i" else "a number of double precision"
        name = where.format(wrong if places is None else places[wrong])
        raise ValueError(f"{name} must be {allowed}.") from error


def _fits(code: str, number: float) -> bool:
    try:
        struct.pack(f"<{code}", number)
    except (struct.error, OverflowError):
        return False
    return True


def _write_text(target: NDArray[np.bytes_], place: int, text: object, where: str) -> None:
    if _decode(target[place]) == text:
        return
    if not isinstance(text, str):
        raise ValueError(f"{where} must be a text.")
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where} has half of a surrogate pair at {error.start}, which UTF-8 cannot write.") from error
    if b"\0" in content:
        raise ValueError(f"{where} has a NUL at byte {content.index(0)}, which would end the text of a C program.")
    if len(content) >= target.itemsize:
        raise ValueError(f"{where} has {len(content)} bytes; allowed are {target.itemsize - 1}.")
    target[place] = content


def _decode(content: bytes) -> str:
    return content.partition(b"\0")[0].decode(errors="replace")


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
