"""Finds the JPEGs in a stream of bytes by their own structure (ITU-T T.81, annex B), whatever stands between them.

Cameras send boundaries, lengths and types that are wrong or missing, and nothing of it is needed: a JPEG says itself
where it ends.
"""

from __future__ import annotations

import re
from enum import Enum, auto

START = b"\xff\xd8\xff"
"""The start of a picture, and the first byte of the marker that follows each."""
MOST_BYTES = 32_000_000
"""A larger picture is dropped: 67 megapixels at a high quality."""
MOST_SEGMENTS = 2000
"""Of one picture. The progressive ones of cameras have fewer than 100."""
SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
RST = range(0xD0, 0xD8)
FREE = {*range(0xE0, 0xF0), 0xFE}
"""APPn and COM: what their segments hold is free, and may be another picture."""
FIRST_WITH_LENGTH = 0xC0
"""Markers below are reserved, except for TEM."""
FILL = re.compile(rb"\xff+")
MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the coded data of a scan. A byte FF of the data is followed by 00; a restart marker belongs to it."""


class State(Enum):
    SEARCH = auto()
    """Between two pictures."""
    MARKER = auto()
    """At a marker, or at a segment that has not wholly arrived."""
    SCAN = auto()
    """In the coded data after SOS."""


class JpegFramer:
    """Fed with pieces of any size; it holds at most `most_bytes` and the last piece.

    A picture within a segment, such as the thumbnail of EXIF, is skipped with it. A picture that the start of another
    one cuts off is dropped, and so is one whose structure is damaged: the search goes on behind the damage.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held = bytearray()
        self._state = State.SEARCH
        self._at = 0
        """Offset of the next byte to parse."""
        self._segments = 0
        self._has_scan = False
        self.too_large = 0
        """Pictures that were dropped because of their size."""

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    def feed(self, piece: bytes) -> list[bytes]:
        """The pictures that this piece completes, each from its SOI to its EOI."""
        self._held += piece
        found: list[bytes] = []
        while self._step(found):
            pass
        if len(self._held) > self._most_bytes:
            self.too_large += 1
            self._search_from(len(self._held))
        return found

    def _step(self, found: list[bytes]) -> bool:
        """Whether it advanced; otherwise more bytes are needed."""
        match self._state:
            case State.SEARCH:
                return self._find_start()
            case State.SCAN:
                return self._find_end_of_scan()
            case State.MARKER:
                return self._read_marker(found)

    def _find_start(self) -> bool:
        at = self._held.find(START)
        if at < 0:
            # The last two bytes may be the beginning of a start.
            del self._held[: 1 - len(START)]
            return False
        self._start_at(at)
        return True

    def _start_at(self, at: int) -> None:
        del self._held[:at]
        self._at, self._segments, self._has_scan, self._state = 2, 0, False, State.MARKER

    def _search_from(self, at: int) -> bool:
        del self._held[:at]
        self._state = State.SEARCH
        return True

    def _find_end_of_scan(self) -> bool:
        marker = MARKER_IN_SCAN.search(self._held, self._at)
        if marker is None:
            # The last byte may be the first one of a marker.
            self._at = max(self._at, len(self._held) - 1)
            return False
        self._at, self._state = marker.start(), State.MARKER
        return True

    def _read_marker(self, found: list[bytes]) -> bool:
        if self._at >= len(self._held):
            return False
        fill = FILL.match(self._held, self._at)
        if fill is None:
            return self._search_from(self._at)
        # Any number of bytes FF may precede a marker.
        self._at = fill.end() - 1
        if self._at + 1 == len(self._held):
            return False
        code = self._held[self._at + 1]
        if code == SOI:
            self._start_at(self._at)
        elif code == EOI:
            self._end(found)
        elif code == TEM or code in RST:
            self._at += 2
        elif code < FIRST_WITH_LENGTH:
            self._search_from(self._at + 1)
        else:
            return self._skip_segment(code)
        return True

    def _end(self, found: list[bytes]) -> None:
        end = self._at + 2
        if self._has_scan:
            found.append(bytes(self._held[:end]))
        self._search_from(end)

    def _skip_segment(self, code: int) -> bool:
        if len(self._held) < self._at + 4:
            return False
        end = self._at + 2 + int.from_bytes(self._held[self._at + 2 : self._at + 4])
        if end < self._at + 4 or self._segments == MOST_SEGMENTS:
            return self._search_from(self._at + 2)
        if len(self._held) < end:
            return False
        if code not in FREE and (start := self._held.find(START, self._at, end)) >= 0:
            # The picture is cut off in its tables, and the length of this one leads into the next picture.
            self._start_at(start)
            return True
        self._at, self._segments = end, self._segments + 1
        if code == SOS:
            self._has_scan, self._state = True, State.SCAN
        return True
