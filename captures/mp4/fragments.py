"""The frames of a fragmented MP4: their offsets, times and key frames. Django-free.

Only headers are read, so the cost grows with the number of frames, not with the size of the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from captures.mp4.boxes import HEADER_BYTES, MAX_BOX_BYTES, UnsupportedMp4, child, children, header

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
