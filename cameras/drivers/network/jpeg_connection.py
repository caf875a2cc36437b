"""Connections over HTTP that bring JPEGs: one endless answer (MJPEG), or one answer for each picture. The JPEGs are
found by their own structure (ITU-T T.81, annex B), whatever stands between them: cameras send boundaries, lengths and
types that are wrong or missing, and a JPEG says itself where it ends."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from enum import Enum, auto
from itertools import chain
from typing import cast
from urllib.parse import urlsplit

from av import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from cameras.drivers.base import CameraError
from cameras.drivers.network.connection import Connection, ReceivedPacket, decoder_of
from cameras.drivers.network.errors import ENDED, FAILURES, opening_failed, reading_failed, unreachable
from cameras.drivers.network.http_client import HttpAnswer, HttpClient, UnexpectedStatus

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


INTERVAL_S = 1.0
"""From one snapshot to the next, unless a setting says otherwise."""
RETRY_S = 1.0
"""The longest pause after a failed snapshot: a camera that is busy for a moment refuses one."""
FIRST_PASSING_STATUS = 500
"""Of those that may not be reported the next time."""
TOO_LARGE = f"sends a picture of more than {MOST_BYTES // 1_000_000} MB. Set it to a smaller size or a lower quality."
NO_JPEG = "answers without a whole JPEG. Check the address with another program."


class JpegConnection(Connection):
    codec = "mjpeg"

    def __init__(self, client: HttpClient, answer: HttpAnswer, head: bytes, read_s: float) -> None:
        """`head` is the part of the answer that was read already."""
        self.read_s = read_s
        self._client, self._answer, self._head = client, answer, head

    def new_decoder(self) -> VideoCodecContext:
        return decoder_of(self.codec)

    def interrupt(self) -> None:
        self._client.interrupt()

    def close(self) -> None:
        self._answer.close()


class JpegStream(JpegConnection):
    """All pictures in one answer."""

    def __init__(self, address: str, client: HttpClient, answer: HttpAnswer, head: bytes, read_s: float) -> None:
        super().__init__(client, answer, head, read_s)
        self.title = f"mjpeg over {urlsplit(address).scheme}"
        answer.unlimit()

    def packets(self) -> Iterator[ReceivedPacket]:
        failure = unreachable(ENDED)
        try:
            for jpeg in jpegs_of(self._answer, self._head):
                yield ReceivedPacket(packet_of(jpeg))
        except FAILURES as error:
            failure = reading_failed(error, self.read_s)
        # Outside the `except`, so that no error becomes the context of another.
        raise failure


class JpegSnapshots(JpegConnection):
    """One picture for each GET: each `interval_s` from request to request, and at once after `request_picture`. A
    failure ends the connection if there was no picture for `read_s` longer than the interval, or if it will come again.
    """

    interval_s: float

    def __init__(
        self, address: str, client: HttpClient, answer: HttpAnswer, head: bytes, read_s: float, within_s: float
    ) -> None:
        """`within_s`: the time limit for a picture."""
        super().__init__(client, answer, head, read_s)
        self.title = f"snapshots over {urlsplit(address).scheme}"
        self.interval_s = INTERVAL_S
        self._address, self._within_s = address, within_s
        self._wanted, self._closing = threading.Event(), False

    def packets(self) -> Iterator[ReceivedPacket]:
        received, requested = self._answer.requested, self._answer.requested
        jpeg, failure = self._read()
        while True:
            if jpeg is not None:
                yield ReceivedPacket(packet_of(jpeg), requested=self._answer.requested)
                received = time.monotonic()
            elif self._closing or time.monotonic() - received > self.interval_s + self.read_s:
                raise failure
            self._pause(requested, self.interval_s if jpeg else min(self.interval_s, RETRY_S))
            requested = time.monotonic()
            jpeg, failure = self._get()

    def request_picture(self) -> None:
        self._wanted.set()

    def interrupt(self) -> None:
        self._closing = True
        self._wanted.set()
        super().interrupt()

    def _pause(self, requested: float, seconds: float) -> None:
        self._wanted.wait(max(0.0, requested + seconds - time.monotonic()))
        # Before the request: one that is wanted from here on needs a later picture.
        self._wanted.clear()

    def _get(self) -> tuple[bytes | None, CameraError]:
        """The next picture, or why there is none. CameraError for what will come again."""
        began = time.monotonic()
        try:
            self._answer, self._head = self._client.get(self._within_s, self.read_s), b""
        except FAILURES as error:
            failure = opening_failed(self._address, error, time.monotonic() - began, self._within_s)
            will_recur = isinstance(error, UnexpectedStatus) and error.status < FIRST_PASSING_STATUS
        else:
            return self._read()
        if failure.permanent or will_recur:
            raise failure
        return None, failure

    def _read(self) -> tuple[bytes | None, CameraError]:
        failure = unreachable(NO_JPEG)
        try:
            return next(jpegs_of(self._answer, self._head), None), failure
        except FAILURES as error:
            failure = reading_failed(error, self.read_s)
        finally:
            self._answer.close()
        return None, failure


def jpegs_of(answer: HttpAnswer, head: bytes) -> Iterator[bytes]:
    """The JPEGs of an answer, as they arrive. CameraError for one that is too large; OSError."""
    framer = JpegFramer()
    for piece in chain([head], iter(answer.read, b"")):
        yield from framer.feed(piece)
        if framer.too_large:
            raise unreachable(TOO_LARGE)


def packet_of(jpeg: bytes) -> Packet[VideoStream]:
    packet = cast("Packet[VideoStream]", Packet(jpeg))
    packet.is_keyframe = True
    return packet
