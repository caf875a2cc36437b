"""Read and write boxes of an MP4 file (ISO/IEC 14496-12). Django-free."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

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
