"""Repair a fragmented MP4 that was cut off: find how much of it plays.

Source: ISO/IEC 14496-12 (boxes ftyp, moov, moof with tfhd, tfdt and trun, mdat); 14496-15 (H.264 in samples).
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

HEAD = struct.Struct(">I4s")
MAX_BOX_BYTES = 1 << 30
READ_BYTES = 1 << 20
DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS = 0x8, 0x10, 0x20
BASE_OFFSET, DESCRIPTION = 0x1, 0x2
DATA_OFFSET, FIRST_FLAGS = 0x1, 0x4
SAMPLE_DURATION, SAMPLE_SIZE, SAMPLE_FLAGS, SAMPLE_COMPOSITION = 0x100, 0x200, 0x400, 0x800
NAL_LENGTH = 4
MAX_SAMPLES = 10_000
"""The most samples of a fragment; Skycam's have one."""
BLOCK = b"\0" * 512
"""A power cut leaves whole blocks empty, never less. A camera may send a few zeros that H.264 does not allow, but a
written NAL unit never ends with one."""
UNSYNCED_S = 3.0
"""Longer than the time since the last sync; older data is on the disk."""


class Damaged(Exception):
    """From here on the file is not what was written."""


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class PlayablePart:
    """The part of a clip that plays: its bytes, frames, and seconds to the end of the last frame. `begins`: when each
    frame begins, in seconds."""

    bytes: int = 0
    frames: int = 0
    seconds: float = 0.0
    begins: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Fragment:
    begins: tuple[int, ...]
    """The begin of each frame, in ticks of the track."""
    ends: int
    """The end, in ticks of the track."""
    sizes: tuple[int, ...]


def repair(file: int) -> tuple[PlayablePart, str]:
    """Truncate an open clip to the part that plays; returns that part and its SHA-256. `frames` is 0 if nothing can be
    played. OSError."""
    _check_readable(file)
    # mmap refuses an empty file.
    if os.fstat(file).st_size == 0:
        return PlayablePart(), ""
    with mmap.mmap(file, 0, prot=mmap.PROT_READ) as content:
        whole = playable_part(content)
        sha256 = hashlib.sha256(memoryview(content)[: whole.bytes]).hexdigest()
    # Only after the map is closed: a page of it beyond the new end would end the process (SIGBUS).
    os.ftruncate(file, whole.bytes)
    # Before the record, which is committed next: it must not name bytes that a power cut can still bring back.
    os.fsync(file)
    return whole, sha256


def _check_readable(file: int) -> None:
    """OSError if the disk cannot read all of it: in a memory map that would kill the process (SIGBUS)."""
    offset = 0
    while read := len(os.pread(file, READ_BYTES, offset)):
        offset += read


def playable_part(content: mmap.mmap | bytes) -> PlayablePart:
    """The longest beginning that plays. No content of the file raises."""
    whole, begins = PlayablePart(), array("d")
    unsynced: deque[tuple[PlayablePart, Box, float]] = deque()
    with contextlib.suppress(Damaged, struct.error):
        for pictures, found in _playable_parts(content, begins):
            unsynced.append((whole, pictures, found.seconds))
            whole = found
    # Only what no sync has covered can have holes, so the rest of a clip of gigabytes is not searched.
    for before, pictures, seconds in unsynced:
        if seconds > whole.seconds - UNSYNCED_S and _has_hole(content, pictures):
            whole = before
            break
    return replace(whole, begins=begins[: whole.frames])


def _playable_parts(content: mmap.mmap | bytes, begins: array[float]) -> Iterator[tuple[Box, PlayablePart]]:
    """The `mdat` of each fragment, with the playable part up to its end; the begin of each frame is added to `begins`.
    Damaged where the rest does not play. An index at the end is left out, since players do not need it."""
    whole, timescale = PlayablePart(), 0
    fragment: Fragment | None = None
    for box in boxes(content, 0, len(content)):
        if box.kind == b"moov":
            timescale = _timescale(content, box)
        elif box.kind == b"moof":
            fragment = _fragment(content, box)
        elif box.kind == b"mdat" and fragment is not None and timescale:
            _check_samples(content, box, fragment)
            begins.extend(begin / timescale for begin in fragment.begins)
            whole = PlayablePart(box.end, len(begins), fragment.ends / timescale)
            # Media data without a `moof` of its own before it is not a picture.
            fragment = None
            yield box, whole


def boxes(content: mmap.mmap | bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes from `start` to `end`. Damaged where one is incomplete."""
    while start < end:
        if start + HEAD.size > end:
            raise Damaged
        size, kind = HEAD.unpack_from(content, start)
        # Also sizes 0 (to the end of the file) and 1 (64 bits follow), which the muxer never writes.
        if not HEAD.size <= size <= MAX_BOX_BYTES or start + size > end:
            raise Damaged
        yield Box(kind, start, start + HEAD.size, start + size)
        start += size


def _inner(content: mmap.mmap | bytes, box: Box, *path: bytes) -> Box:
    """The first box at `path` within `box`. Damaged if there is none."""
    for kind in path:
        found = next((inner for inner in boxes(content, box.body, box.end) if inner.kind == kind), None)
        if found is None:
            raise Damaged
        box = found
    return box


def _timescale(content: mmap.mmap | bytes, moov: Box) -> int:
    # In version 1 the two times before the timescale have 64 bits.
    header = _inner(content, moov, b"trak", b"mdia", b"mdhd")
    (version,) = struct.unpack_from(">B", content, header.body)
    (timescale,) = struct.unpack_from(">I", content, header.body + (20 if version else 12))
    return int(timescale)


def _fragment(content: mmap.mmap | bytes, moof: Box) -> Fragment:
    traf = _inner(content, moof, b"traf")
    duration, size = _defaults(content, _inner(content, traf, b"tfhd"))
    decode = _inner(content, traf, b"tfdt")
    (version,) = struct.unpack_from(">B", content, decode.body)
    (began,) = struct.unpack_from(">Q" if version else ">I", content, decode.body + 4)
    durations, sizes = _samples(content, _inner(content, traf, b"trun"), duration, size)
    *begins, ends = accumulate(durations, initial=int(began))
    return Fragment(tuple(begins), ends, sizes)


def _defaults(content: mmap.mmap | bytes, tfhd: Box) -> tuple[int, int]:
    """Duration and size of samples without their own."""
    (flags,) = struct.unpack_from(">I", content, tfhd.body)
    offset = tfhd.body + 8 + (8 if flags & BASE_OFFSET else 0) + (4 if flags & DESCRIPTION else 0)
    found = []
    for present in (DEFAULT_DURATION, DEFAULT_SIZE):
        found.append(struct.unpack_from(">I", content, offset)[0] if flags & present else 0)
        offset += 4 if flags & present else 0
    return found[0], found[1]


def _samples(
    content: mmap.mmap | bytes, trun: Box, duration: int, size: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    flags, count = struct.unpack_from(">II", content, trun.body)
    offset = trun.body + 8 + (4 if flags & DATA_OFFSET else 0) + (4 if flags & FIRST_FLAGS else 0)
    fields = [flag for flag in (SAMPLE_DURATION, SAMPLE_SIZE, SAMPLE_FLAGS, SAMPLE_COMPOSITION) if flags & flag]
    # `count` comes from a file that may be damaged, and without fields any count fits into the box.
    if count > MAX_SAMPLES or offset + 4 * len(fields) * count > trun.end:
        raise Damaged
    rows = [struct.unpack_from(f">{len(fields)}I", content, offset + 4 * len(fields) * row) for row in range(count)]
    durations = tuple(_of(row, fields, SAMPLE_DURATION, duration) for row in rows)
    return durations, tuple(_of(row, fields, SAMPLE_SIZE, size) for row in rows)


def _of(row: tuple[int, ...], fields: list[int], field: int, default: int) -> int:
    return row[fields.index(field)] if field in fields else default


def _check_samples(content: mmap.mmap | bytes, mdat: Box, fragment: Fragment) -> None:
    """Damaged unless the pictures are complete: their NAL units fill them."""
    if mdat.body + sum(fragment.sizes) != mdat.end:
        raise Damaged
    offset = mdat.body
    for size in fragment.sizes:
        for start, _ in _units(content, offset, offset + size):
            # The forbidden bit, and the unspecified type 0: `stream_copy.split_units` lets neither into a clip.
            if content[start] & 0x80 or not content[start] & 0x1F:
                raise Damaged
        offset += size


def _has_hole(content: mmap.mmap | bytes, mdat: Box) -> bool:
    """Whether a power cut left blocks of these pictures empty."""
    units = _units(content, mdat.body, mdat.end)
    return any(not content[end - 1] or content.find(BLOCK, start, end) >= 0 for start, end in units)


def _units(content: mmap.mmap | bytes, offset: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each NAL unit, without its length. Damaged unless the units fill `offset` to `end`."""
    if offset == end:
        raise Damaged
    while offset < end:
        if offset + NAL_LENGTH >= end:
            raise Damaged
        (length,) = struct.unpack_from(">I", content, offset)
        offset += NAL_LENGTH
        if not length or offset + length > end:
            raise Damaged
        yield offset, offset + length
        offset += length
