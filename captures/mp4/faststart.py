"""A header that makes a fragmented MP4 quick to open and to seek, without copying the file. Django-free.

A recorder's file has no index: a browser has to read all of it to learn its length. The header is `ftyp`, a `moov` with
the offset of each frame, and the start of an `mdat` that contains the whole file behind it, byte for byte.
"""

from __future__ import annotations

import struct
from itertools import groupby, pairwise

from captures.mp4.boxes import UnsupportedMp4, box, child, children, full_box, pack_numbers
from captures.mp4.fragments import Samples, movie_and_samples

VERSION = 1
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
