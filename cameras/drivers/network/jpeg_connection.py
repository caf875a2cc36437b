"""Connections over HTTP that bring JPEGs: one endless answer (MJPEG), or one answer for each picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
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
from cameras.drivers.network.jpeg_framer import MOST_BYTES, JpegFramer

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
