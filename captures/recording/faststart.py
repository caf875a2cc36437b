"""A head that makes a fragmented MP4 quick to open and to seek, without a copy of it. Django-free.

A recorder's file has no index: to learn its length a browser reads all of it. The head is `ftyp`, a `moov` that says
where each frame lies, and the beginning of an `mdat` that holds the whole file behind it, byte for byte.
"""

from __future__ import annotations

import struct
from itertools import groupby, pairwise

from captures.recording.boxes import NoMovie, box, child, children, full_box, numbers
from captures.recording.fragments import Samples, movie_and_samples

VERSION = 1
"""Counts up when the same file gets another head."""
BRANDS = box(b"ftyp", b"isom", numbers("I", [512]), b"isomiso2avc1mp41")
LARGE = 16
"""Bytes of a header with a long size."""
DURATIONS = {b"mvhd": (16, 24), b"mdhd": (16, 24), b"tkhd": (20, 28)}
"""Where the duration stands in a payload, by its version."""


def head_of(file: int, size: int) -> bytes:
    """What to send before the `size` bytes behind a descriptor. NoMovie when there is no such head for them."""
    movie, samples = movie_and_samples(file, size)
    try:
        length = len(_head(movie, samples, 0, size))
        return _head(movie, samples, length, size)
    except (struct.error, ZeroDivisionError, IndexError) as error:
        raise NoMovie(f"Its header is not as it should be: {error}.") from None


def _head(movie: bytes, samples: Samples, base: int, size: int) -> bytes:
    """`base` is where the file begins: the length of the head."""
    return BRANDS + _movie(movie, samples, base) + struct.pack(">I4sQ", 1, b"mdat", LARGE + size)


def _movie(movie: bytes, samples: Samples, base: int) -> bytes:
    track = child(movie, b"trak")
    lasts = samples.end - samples.times[0]
    shown = lasts * _scale(child(movie, b"mvhd")) // _scale(child(track, b"mdia", b"mdhd"))
    return box(
        b"moov",
        _lasting(b"mvhd", movie, shown),
        box(b"trak", _lasting(b"tkhd", track, shown), _media(child(track, b"mdia"), samples, base, lasts)),
    )


def _media(media: bytes, samples: Samples, base: int, lasts: int) -> bytes:
    info = child(media, b"minf")
    kept = [box(kind, inner) for kind, inner in children(info) if kind != b"stbl"]
    table = _table(child(info, b"stbl", b"stsd"), samples, base)
    handler = box(b"hdlr", child(media, b"hdlr"))
    return box(b"mdia", _lasting(b"mdhd", media, lasts), handler, box(b"minf", *kept, table))


def _scale(head: bytes) -> int:
    """Units per second of `mvhd` or `mdhd`."""
    (found,) = struct.unpack_from(">I", head, 20 if head[0] else 12)
    return int(found)


def _lasting(kind: bytes, payload: bytes, duration: int) -> bytes:
    """The box of that kind in `payload`, with another duration."""
    head = bytearray(child(payload, kind))
    short, long = DURATIONS[kind]
    struct.pack_into(">Q" if head[0] else ">I", head, long if head[0] else short, duration)
    return box(kind, bytes(head))


def _table(descriptions: bytes, samples: Samples, base: int) -> bytes:
    """`stbl`: every frame is a chunk of its own."""
    count = len(samples.sizes)
    return box(
        b"stbl",
        box(b"stsd", descriptions),
        _runs(b"stts", _durations(samples)),
        _runs(b"ctts", samples.shifts, version=1) if any(samples.shifts) else b"",
        full_box(b"stss", numbers("I", [len(samples.keys), *samples.keys])),
        full_box(b"stsc", numbers("I", [1, 1, 1, 1])),
        full_box(b"stsz", numbers("I", [0, count, *samples.sizes])),
        full_box(b"co64", numbers("I", [count]), numbers("Q", [base + offset for offset in samples.offsets])),
    )


def _durations(samples: Samples) -> list[int]:
    found = [after - before for before, after in pairwise([*samples.times, samples.end])]
    if min(found) < 0:
        raise NoMovie("Its time goes back.")
    return found


def _runs(kind: bytes, values: list[int], version: int = 0) -> bytes:
    """Counts and values, equal neighbours together."""
    runs = [(len(list(group)), value) for value, group in groupby(values)]
    pairs = [struct.pack(">Ii" if version else ">II", *run) for run in runs]
    return full_box(kind, numbers("I", [len(runs)]), *pairs, version=version)
