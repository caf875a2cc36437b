"""Recover the clips in a spool with a new owner: finalize complete ones, repair those that were cut off. Needs the
spool's lock and no database. A kill at any step is safe: the step is repeated. Source of the repair: ISO/IEC 14496-12
(boxes ftyp, moov, moof with tfhd, tfdt and trun, mdat); 14496-15 (H.264 in samples)."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import cast

from cameras.spool.durable import RootFiles
from cameras.spool.records import ClipOutcome, ClipPlan, ClipRecord, DeliveryContent, Record
from cameras.spool.recovery import (
    UNREADABLE,
    DecidedOutcome,
    checked_record,
    parts_of,
    reject_record,
    remove_temporaries,
    set_aside,
)
from cameras.spool.spool import Spool
from cameras.spool.storage import Storage
from captures.recordings.recorder.delivery import ClipDelivery
from captures.recordings.recorder.open_clip import KIND, make_record
from core.camera_names import CameraRef
from core.text.sentences import sentence

UNPLACEABLE = (FileNotFoundError, FileExistsError)
"""Not NotADirectoryError: a folder that is briefly a symbolic link must not cost a clip."""
PROCESS_ENDED = DecidedOutcome("interrupted", "The camera process ended before the clip did.")
NO_LOSSES: Mapping[str, int] = {}


@dataclass(slots=True)
class RecoveredClips:
    """Ids of clips by outcome; `rejected` and `failed` say why."""

    tried: list[str] = field(default_factory=list)
    finalized: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    failed: dict[str, OSError] = field(default_factory=dict)
    """Left for the next recovery, with the error of a disk that is full or fails."""

    def left(self, camera: CameraRef, path: str) -> str:
        """The alert about the clips that failed; empty if there are none."""
        return unrecovered_message(camera, path, self.failed)


def unfinished_clips(spool: Spool) -> list[str]:
    """Ids of clips that an earlier owner did not finalize."""
    # Not `.done`: such a clip waits only for its ingest.
    endings = (".plan", ".json", f".{KIND}.part")
    return sorted({name.partition(".")[0] for name in spool.names() if name.endswith(endings)})


def recover_all(storage: Storage, decided: DecidedOutcome | None = None) -> RecoveredClips:
    """Recover all clips in the spool. Clips on which the disk fails stay for the next recovery."""
    remove_temporaries(storage.spool)
    return recover(storage, unfinished_clips(storage.spool), decided)


def recover(
    storage: Storage, clips: list[str], decided: DecidedOutcome | None = None, lost: Mapping[str, int] = NO_LOSSES
) -> RecoveredClips:
    """Recover each of these clips; a clip that cannot be read does not block the others. `lost` has the known numbers
    of lost frames by clip; files do not contain them, so for all other clips the number is unknown."""
    result = RecoveredClips(tried=clips)
    for clip in clips:
        try:
            _recover(storage, clip, decided or PROCESS_ENDED, lost.get(clip), result)
        # UNPLACEABLE are OSErrors as well, so they come before the errors of a disk. OverflowError: damaged time stamps
        # lead beyond the year 9999.
        except (*UNREADABLE, *UNPLACEABLE, OverflowError) as error:
            _reject(storage.spool, clip, f"{clip}: {error}", result)
        except OSError as error:
            result.failed[clip] = error
    return result


def _recover(storage: Storage, clip: str, decided: DecidedOutcome, lost: int | None, result: RecoveredClips) -> None:
    spool = storage.spool
    names = set(spool.names())
    # A record decides, also beside a plan, which step 4 removes only after the commit.
    if f"{clip}.json" in names:
        record: Record = checked_record(spool.read(f"{clip}.json"), f"{clip}.json")
        settled = result.finalized
    elif f"{clip}.done" in names:
        spool.files.unlink(spool.folder, f"{clip}.plan")
        return
    elif f"{clip}.plan" not in names:
        # Unlike the parts of a still, video without a plan is not deleted but set aside for a person.
        raise ValueError("it has no plan")
    else:
        found = _repaired(storage, _checked_plan(spool, clip), decided, lost)
        if found is None:
            _discard(spool, clip)
            result.empty.append(clip)
            return
        record, settled = found, result.repaired
        spool.commit(record)
    spool.place(record)
    spool.done(record)
    settled.append(clip)


def _repaired(storage: Storage, plan: ClipPlan, decided: DecidedOutcome, lost: int | None) -> ClipRecord | None:
    """None if no frame can be played."""
    spool, part = storage.spool, f"{plan['id']}.{KIND}.part"
    # A kill between plan and file leaves a plan alone.
    if spool.files.size(spool.folder, part) is None:
        return None
    file = cast(RootFiles, spool.files).open_existing(spool.folder, part)
    try:
        whole, sha256 = repair(file)
    finally:
        os.close(file)
    if not whole.frames:
        return None
    return make_record(plan, storage.root, _outcome(plan, whole, decided, lost), whole.bytes, sha256)


def _outcome(plan: ClipPlan, whole: PlayablePart, decided: DecidedOutcome, lost: int | None) -> ClipOutcome:
    ended = datetime.fromisoformat(plan["started"]) + timedelta(seconds=whole.seconds)
    return {
        "ended": ended.isoformat(), "frames": whole.frames, "lost_frames": lost, "interrupted": True,
        "reason": decided.reason, "message": decided.message,
        "delivery": delivery_of(whole, plan.get("origin", {}).get("stream_fps")),
    }  # fmt: skip


def delivery_of(whole: PlayablePart, stream_fps: float | None) -> DeliveryContent:
    """From the times in the file. Why frames are missing is not in it."""
    delivery = ClipDelivery()
    # A damaged time may lie beyond the end of the file, thousands of years ahead.
    for begin in (begin for begin in whole.begins if begin <= whole.seconds):
        delivery.add(begin, stream_fps)
    found = delivery.content()
    for hole in found["holes"]:
        hole["reason"] = "unknown"
    return found


def _checked_plan(spool: Spool, clip: str) -> ClipPlan:
    plan = spool.read(f"{clip}.plan")
    missing = ClipPlan.__required_keys__ - plan.keys()
    if missing or plan["id"] != clip:
        raise ValueError("its plan is damaged")
    return cast(ClipPlan, plan)


def _discard(spool: Spool, clip: str) -> None:
    # The plan last: after a kill in between this is repeated. A part without a plan would be set aside for a person.
    for part in parts_of(spool, clip):
        spool.files.unlink(spool.folder, part)
    spool.files.unlink(spool.folder, f"{clip}.plan")
    spool.files.sync(spool.folder)


def _reject(spool: Spool, clip: str, reason: str, result: RecoveredClips) -> None:
    """Set the clip's files aside for a person to decide."""
    known = [name for name in (f"{clip}.json", f"{clip}.plan") if name in spool.names()]
    for name in known:
        reject_record(spool, name)
    if not known:
        set_aside(spool, parts_of(spool, clip))
    result.rejected.append(reason)


def unrecovered_message(camera: CameraRef, path: str, failed: Mapping[str, OSError]) -> str:
    """About clips that cannot be recovered yet; empty if there are none."""
    if not failed:
        return ""
    return sentence(
        "{clips} of {camera} that a crash cut off cannot be recovered yet: the disk of {path} reports {error}. Skycam "
        "keeps trying, and recording continues. Check the disk.",
        clips="A clip" if len(failed) == 1 else f"{len(failed)} clips",
        camera=camera,
        path=path,
        error=next(iter(failed.values())).strerror,
    )


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
