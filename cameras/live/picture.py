"""A live picture as a camera process sent it, and its encodings for viewers, each made once."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import time
from datetime import UTC, datetime

from websockets.frames import Frame, Opcode

from cameras.live.publisher import FRAME_HEADER, LOWERED, MAGIC, SIMULATED, STALE, VERSION
from core.times.timestamps import stamp

STALE_S = 2.0
"""A picture that arrived longer ago is marked stale."""
_serials = itertools.count(1)
# C4, C8 and CC are in the same range but are no frames: Huffman tables, a reserved code, arithmetic coding.
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Picture:
    """ValueError for bytes that are no picture. `serial` rises in this process with each picture; the camera's own
    `number` starts again when its process does."""

    def __init__(self, packed: bytes, quality: str) -> None:
        try:
            magic, version, self.flags, _, self.number, self.captured_us, self.sent_us = FRAME_HEADER.unpack_from(
                packed
            )
        except struct.error:
            raise ValueError("It is shorter than the frame header.") from None
        if (magic, version) != (MAGIC, VERSION):
            raise ValueError(f"It is no frame of version {VERSION}.")
        self.packed, self.quality = packed, quality
        self.serial = next(_serials)
        self._texts: dict[int, str] = {}
        self._frames: dict[tuple[bool, int], bytes] = {}
        # By this machine's clock, because that of the camera's host may differ.
        self._received_at = time.monotonic()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._received_at > STALE_S

    @property
    def age_s(self) -> float:
        """Seconds since its capture, by the clocks of this machine and of the camera's host; never below 0."""
        captured_us: int = self.captured_us
        return max(0.0, time.time() - captured_us / 1e6)

    @property
    def captured_at(self) -> str:
        """By the clock of the camera's host, as in its status."""
        return stamp(datetime.fromtimestamp(self.captured_us / 1e6, UTC))

    @property
    def jpeg(self) -> bytes:
        return self.packed[FRAME_HEADER.size :]

    def flags_now(self, *, lowered: bool) -> int:
        """`lowered`: the viewer gets less than the requested quality, for any reason."""
        own: int = self.flags
        return own | (STALE if self.is_stale else 0) | (LOWERED if lowered else 0)

    def binary(self, *, lowered: bool = False) -> bytes:
        """The frame of skycam.live.v1."""
        flags = self.flags_now(lowered=lowered)
        # Mostly all viewers share the bytes as they came, without a copy.
        if flags == self.flags:
            return self.packed
        head = FRAME_HEADER.pack(MAGIC, VERSION, flags, 0, self.number, self.captured_us, self.sent_us)
        return head + self.jpeg

    def text(self, *, lowered: bool = False) -> str:
        """The frame as JSON, made once for all viewers with the same flags."""
        flags = self.flags_now(lowered=lowered)
        if flags not in self._texts:
            self._texts[flags] = self._json(flags)
        return self._texts[flags]

    def frame(self, *, binary: bool, lowered: bool = False) -> bytes:
        """The message `binary` or `text` as a WebSocket frame of a server, made once for all viewers with the same
        flags: for each viewer, the header before a picture would cost a copy of it."""
        key = binary, self.flags_now(lowered=lowered)
        if key not in self._frames:
            content = self.binary(lowered=lowered) if binary else self.text(lowered=lowered).encode()
            self._frames[key] = Frame(Opcode.BINARY if binary else Opcode.TEXT, content).serialize(mask=False)
        return self._frames[key]

    def _json(self, flags: int) -> str:
        # The frame header has no size, and to decode the picture for it takes milliseconds.
        width, height = jpeg_size(self.jpeg)
        return json.dumps(
            {
                "type": "frame",
                "data": base64.b64encode(self.jpeg).decode(),
                "frame_number": self.number,
                "timestamp": self.captured_at,
                "width": width,
                "height": height,
                "quality": self.quality,
                "simulated": bool(flags & SIMULATED),
                "stale": bool(flags & STALE),
                "lowered": bool(flags & LOWERED),
            }
        )


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the start-of-frame segment; (0, 0) where there is none.

    Source: ITU-T T.81, B.1.
    """
    offset = 2
    while offset + 9 <= len(jpeg) and jpeg[offset] == 0xFF:
        if jpeg[offset + 1] in START_OF_FRAME:
            height, width = struct.unpack_from(">HH", jpeg, offset + 5)
            return width, height
        offset += 2 + int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
    return 0, 0
