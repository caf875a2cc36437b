"""A header that makes a fragmented MP4 quick to open and to seek, without copying the file. A recorder's file has no
index: a browser has to read all of it to learn its length. The header is `ftyp`, a `moov` with the offset of each
frame, and the start of an `mdat` that contains the whole file behind it, byte for byte. Only the headers of fragments
are read, so the cost grows with the number of frames, not with the size of the file. Django-free."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

HEADER_BYTES = 8
MAX_BOX_BYTES = 1 << 20
"""The largest box that is read whole; only media data is larger."""


class UnsupportedMp4(Exception):
    """Not a fragmented MP4 with one video track; the message says why."""


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return struct.pack(">I4s", HEADER_BYTES + len(payload), kind) + payload


def full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    """A box with a version and no flags."""
    return box(kind, struct.pack(">I", version << 24), *parts)


def pack_numbers(form: str, values: Sequence[int]) -> bytes:
    """Big-endian, each in `form`: I, q, Q."""
    return struct.pack(f">{len(values)}{form}", *values)


def children(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and payload of each box. UnsupportedMp4 unless the boxes fill the payload exactly."""
    at = 0
    while at < len(payload):
        size, kind = header(payload, at)
        # Also a size of 0: `at` would not move, and the loop would never end.
        if size < HEADER_BYTES or at + size > len(payload):
            raise UnsupportedMp4("A box is longer than the box around it.")
        yield kind, payload[at + HEADER_BYTES : at + size]
        at += size


def header(content: bytes, at: int) -> tuple[int, bytes]:
    try:
        size, kind = struct.unpack_from(">I4s", content, at)
    except struct.error:
        raise UnsupportedMp4("A box header is cut off.") from None
    return size, kind


def child(payload: bytes, *path: bytes) -> bytes:
    """The payload of the first box at `path`. UnsupportedMp4 if there is none."""
    for wanted in path:
        found = next((inner for kind, inner in children(payload) if kind == wanted), None)
        if found is None:
            raise UnsupportedMp4(f"It has no box {b'/'.join(path).decode('ascii', 'replace')}.")
        payload = found
    return payload


# One read gets the `moof` of a frame, about 100 bytes, with the head of its `mdat`.
PROBE_BYTES = 1024
MAX_SAMPLES = 350_000
MEDIA_HEAD = 16
# `sample_is_non_sync_sample` of the sample flags (14496-12, 8.8.3.1).
NOT_SYNC = 0x10000


@dataclass(slots=True)
class Samples:
    """One entry per frame in each list: offset and size in bytes, decode time, and composition offset (both in ticks of
    the track). `end` is when the last frame ends."""

    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    shifts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    """Numbers of the key frames, counted from 1."""
    end: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values of a track for samples without their own."""

    duration: int
    size: int
    flags: int


def movie_and_samples(file: int, size: int) -> tuple[bytes, Samples]:
    """The payload of `moov`, and the frames of all complete fragments of an open file.

    A fragment that a crash cut off is left out. UnsupportedMp4 unless it is a fragmented MP4 with one track. OSError.
    """
    movie, defaults, samples = None, None, Samples()
    for kind, at, payload in _top_boxes(file, size):
        if kind == b"moov":
            movie = payload
            defaults = _defaults(payload)
        elif kind == b"moof" and defaults is not None:
            _add_fragment(samples, payload, at, defaults, size)
    if movie is None or not samples.sizes:
        raise UnsupportedMp4("It has no complete fragment.")
    return movie, samples


def _top_boxes(file: int, size: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Kind, offset and payload of each box; `mdat` comes without payload. Ends where the file was cut off."""
    at, probe, probe_at = 0, b"", 0
    while at + HEADER_BYTES <= size:
        if not probe_at <= at <= probe_at + len(probe) - MEDIA_HEAD:
            probe, probe_at = os.pread(file, PROBE_BYTES, at), at
        length, kind = header(probe, at - probe_at)
        if length == 1 and len(probe) >= at - probe_at + MEDIA_HEAD:
            (length,) = struct.unpack_from(">Q", probe, at - probe_at + HEADER_BYTES)
        # A crash or a power cut ends a file anywhere: what is complete before it can still be played.
        if length < HEADER_BYTES or at + length > size:
            return
        yield kind, at, b"" if kind == b"mdat" else _payload(file, at, length, probe[at - probe_at :])
        at += length


def _payload(file: int, at: int, length: int, probe: bytes) -> bytes:
    # The file may be anything: this bounds the memory for a box that claims to be large.
    if length > MAX_BOX_BYTES:
        raise UnsupportedMp4("A header is larger than Skycam writes them.")
    return (
        probe[HEADER_BYTES:length] if length <= len(probe) else os.pread(file, length - HEADER_BYTES, at + HEADER_BYTES)
    )


def _defaults(movie: bytes) -> Defaults:
    # Several tracks would need a table each; Skycam records no sound.
    if sum(kind == b"trak" for kind, _ in children(movie)) != 1:
        raise UnsupportedMp4("It does not have exactly one track.")
    return Defaults(*struct.unpack_from(">III", _check_length(child(movie, b"mvex", b"trex"), 24), 12))


def _check_length(payload: bytes, least: int) -> bytes:
    if len(payload) < least:
        raise UnsupportedMp4("A box is too short.")
    return payload


def _add_fragment(samples: Samples, fragment: bytes, at: int, defaults: Defaults, size: int) -> None:
    """Add the frames of the `moof` at offset `at`; none if its media data was cut off."""
    try:
        for kind, track in children(fragment):
            if kind == b"traf":
                _add_track(samples, dict(children(track)), at, defaults, size)
    except (KeyError, IndexError, struct.error):
        raise UnsupportedMp4("A fragment is damaged.") from None


def _add_track(samples: Samples, boxes: dict[bytes, bytes], at: int, defaults: Defaults, size: int) -> None:
    of_fragment, base = _fragment_defaults(boxes[b"tfhd"], defaults, at)
    decode = boxes[b"tfdt"]
    (time,) = struct.unpack_from(">Q" if decode[0] else ">I", decode, 4)
    run = _run(boxes[b"trun"], of_fragment)
    offset = base + run.offset
    # A `moof` is written before its pictures, so a cut can leave it alone at the end.
    if offset + sum(one[1] for one in run.samples) > size:
        return
    if len(samples.sizes) + len(run.samples) > MAX_SAMPLES:
        raise UnsupportedMp4(f"It has more than {MAX_SAMPLES} frames.")
    for duration, length, flags, shift in run.samples:
        samples.offsets.append(offset)
        samples.sizes.append(length)
        samples.times.append(time)
        samples.shifts.append(shift)
        if not flags & NOT_SYNC:
            samples.keys.append(len(samples.sizes))
        offset, time = offset + length, time + duration
    samples.end = time


def _fragment_defaults(head: bytes, defaults: Defaults, at: int) -> tuple[Defaults, int]:
    """The defaults in `tfhd`, and the offset that others count from."""
    (flags,) = struct.unpack_from(">I", head, 0)
    places = ((0x1, "Q"), (0x2, "I"), (0x8, "I"), (0x10, "I"), (0x20, "I"))
    given = [bit for bit, _ in places if flags & bit]
    form = ">" + "".join(letter for bit, letter in places if flags & bit)
    values = dict(zip(given, struct.unpack_from(form, head, 8), strict=True))
    found = Defaults(
        values.get(0x8, defaults.duration), values.get(0x10, defaults.size), values.get(0x20, defaults.flags)
    )  # fmt: skip
    # default-base-is-moof: without its own base a fragment counts from its `moof`.
    return found, values.get(0x1, at)


@dataclass(frozen=True, slots=True)
class Run:
    """`offset` counts from the base of the fragment; each sample is duration, size, flags, composition offset."""

    offset: int
    samples: list[tuple[int, int, int, int]]


def _run(payload: bytes, defaults: Defaults) -> Run:
    flags, count = struct.unpack_from(">II", payload, 0)
    flags &= 0xFFFFFF
    offset, at = (struct.unpack_from(">i", payload, 8)[0], 12) if flags & 0x1 else (0, 8)
    first, at = (struct.unpack_from(">I", payload, at)[0], at + 4) if flags & 0x4 else (None, at)
    fields = [(0x100, "I"), (0x200, "I"), (0x400, "I"), (0x800, "i")]
    form = struct.Struct(">" + "".join(letter for bit, letter in fields if flags & bit))
    # `count` comes from the file; samples without fields take no bytes, so it is limited for them, too.
    if count * max(form.size, 1) > len(payload):
        raise UnsupportedMp4("A run of frames is longer than its box.")
    found = []
    for number in range(count):
        given = iter(form.unpack_from(payload, at + number * form.size))
        found.append((
            next(given) if flags & 0x100 else defaults.duration,
            next(given) if flags & 0x200 else defaults.size,
            next(given) if flags & 0x400 else first if first is not None and not number else defaults.flags,
            next(given) if flags & 0x800 else 0,
        ))  # fmt: skip
    return Run(offset, found)


HEADER_VERSION = 1
"""Increase it when the same file gets another header."""
FILE_TYPE = box(b"ftyp", b"isom", pack_numbers("I", [512]), b"isomiso2avc1mp41")
MAX_HEADER_BYTES = 13_000_000
"""Enough for MAX_SAMPLES frames of at most 32 bytes, and for what is copied from `moov`, at most MAX_BOX_BYTES."""
LARGE_HEADER_BYTES = 16
"""Bytes of a box header with a 64-bit size."""
DURATION_OFFSETS = {b"mvhd": (16, 24), b"mdhd": (16, 24), b"tkhd": (20, 28)}
"""Offset of the duration in a payload of version 0 and 1."""


def faststart_header(file: int, size: int) -> bytes:
    """The header to send before the `size` bytes of an open file. UnsupportedMp4 if there can be none."""
    movie, samples = movie_and_samples(file, size)
    try:
        # Made twice, as the offsets count from the end of the header. Its length does not depend on them: `co64` and
        # the head of `mdat` always have 64 bits.
        length = len(_header(movie, samples, 0, size))
        return _header(movie, samples, length, size)
    # The file may be damaged, or not be Skycam's: what does not parse gets no header, and the file is served as it is.
    except (struct.error, ZeroDivisionError, IndexError) as error:
        raise UnsupportedMp4(f"Its header is damaged: {error}.") from None


def _header(movie: bytes, samples: Samples, base: int, size: int) -> bytes:
    """`base` is where the file begins: the length of the header."""
    return FILE_TYPE + _movie(movie, samples, base) + struct.pack(">I4sQ", 1, b"mdat", LARGE_HEADER_BYTES + size)


def _movie(movie: bytes, samples: Samples, base: int) -> bytes:
    track = child(movie, b"trak")
    # A recorder's header has the duration 0: it is written before the first frame.
    duration = samples.end - samples.times[0]
    shown_duration = duration * _timescale(child(movie, b"mvhd")) // _timescale(child(track, b"mdia", b"mdhd"))
    return box(
        b"moov",
        _with_duration(b"mvhd", movie, shown_duration),
        box(
            b"trak",
            _with_duration(b"tkhd", track, shown_duration),
            _media(child(track, b"mdia"), samples, base, duration),
        ),
    )


def _media(media: bytes, samples: Samples, base: int, duration: int) -> bytes:
    info = child(media, b"minf")
    # Only the tables are new. The descriptions are the recorder's, so the decoder is set up as for the file itself.
    kept = [box(kind, inner) for kind, inner in children(info) if kind != b"stbl"]
    table = _table(child(info, b"stbl", b"stsd"), samples, base)
    handler = box(b"hdlr", child(media, b"hdlr"))
    return box(b"mdia", _with_duration(b"mdhd", media, duration), handler, box(b"minf", *kept, table))


def _timescale(head: bytes) -> int:
    """Ticks per second, from `mvhd` or `mdhd`."""
    (found,) = struct.unpack_from(">I", head, 20 if head[0] else 12)
    return int(found)


def _with_duration(kind: bytes, payload: bytes, duration: int) -> bytes:
    """The box of this kind in `payload`, with another duration."""
    head = bytearray(child(payload, kind))
    short, long = DURATION_OFFSETS[kind]
    struct.pack_into(">Q" if head[0] else ">I", head, long if head[0] else short, duration)
    return box(kind, bytes(head))


def _table(descriptions: bytes, samples: Samples, base: int) -> bytes:
    """`stbl`: each frame is one chunk."""
    count = len(samples.sizes)
    return box(
        b"stbl",
        box(b"stsd", descriptions),
        _run_lengths(b"stts", _durations(samples)),
        # Version 1 has signed offsets, which B-frames may need.
        _run_lengths(b"ctts", samples.shifts, version=1) if any(samples.shifts) else b"",
        full_box(b"stss", pack_numbers("I", [len(samples.keys), *samples.keys])),
        full_box(b"stsc", pack_numbers("I", [1, 1, 1, 1])),
        full_box(b"stsz", pack_numbers("I", [0, count, *samples.sizes])),
        full_box(b"co64", pack_numbers("I", [count]), pack_numbers("Q", [base + offset for offset in samples.offsets])),
    )


def _durations(samples: Samples) -> list[int]:
    found = [after - before for before, after in pairwise([*samples.times, samples.end])]
    if min(found) < 0:
        raise UnsupportedMp4("Its time stamps go backwards.")
    return found


def _run_lengths(kind: bytes, values: list[int], version: int = 0) -> bytes:
    """Run-length encoded: count and value of equal neighbours."""
    runs = [(len(list(group)), value) for value, group in groupby(values)]
    pairs = [struct.pack(">Ii" if version else ">II", *run) for run in runs]
    return full_box(kind, pack_numbers("I", [len(runs)]), *pairs, version=version)
