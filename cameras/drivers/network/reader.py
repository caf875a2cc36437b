"""The thread that reads a connection continuously, so that frames are the newest and a lost camera is noticed; and
the decoding of its packets into pictures, on demand, which never returns a damaged one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from cameras.drivers.base import CameraError, Clock
from cameras.drivers.network.connection import Connection, ReceivedPacket
from cameras.drivers.network.errors import FAILURES
from cameras.drivers.network.packet_buffer import Arrival, ArrivedPacket, CaptureClock, PacketBuffer, PacketCopier

log = logging.getLogger(__name__)
LIVE_S = 0.005
"""Packets that arrive closer together were queued: they are older than their arrival."""
CLOSE_TIMEOUT_S = 1.0
"""How long `close` waits for a running read. After that the thread ends on its own."""


class Reader:
    """Reads from its construction on. `failure` is why it ended."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.failure: CameraError | None = None
        self.live = False
        """Whether the packets that were queued at the camera have been read."""
        self._connection, self._clock = connection, clock
        self._capture_clock = CaptureClock(connection.parsed)
        self._packets = PacketBuffer()
        self._suspect: ArrivedPacket | None = None
        """The newest packet, if it may be an incomplete picture."""
        self._copier: PacketCopier | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="network-camera", daemon=True)
        self._thread.start()

    def after(self, number: int) -> ArrivedPacket | None:
        """The next packet to decode after `number`; None if it has not arrived."""
        with self._changed:
            return self._packets.after(number)

    def newest_group(self) -> int:
        with self._changed:
            return self._packets.newest_group()

    def start_copying(self, copier: PacketCopier) -> None:
        """Start copying with the next packet, and with those before it that are still buffered."""
        self._copier = copier

    def wait(self, number: int, seconds: float) -> None:
        """Wait for a packet after `number`, or for the end, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self.failure or self._packets.after(number), max(0.0, seconds))

    def close(self) -> None:
        """Idempotent. Drops the buffered packets."""
        with self._changed:
            # Before the interruption: the reading thread checks it when its read ends.
            self._closing = True
        self._connection.interrupt()
        self._thread.join(CLOSE_TIMEOUT_S)
        # FFmpeg's context must not be freed under a running read; such a thread releases the connection itself when its
        # read ends.
        if not self._thread.is_alive():
            self._release()

    def _release(self) -> None:
        self._connection.close()
        self._packets.clear()

    def _run(self) -> None:
        try:
            self._read()
        except CameraError as error:
            if self._suspect and self._copier is not None:
                self._copier.put_held()
            self._end(error)
        # Anything else would end the thread in silence, and the camera would look like one that only pauses.
        except Exception as error:
            log.exception("The packets of a network camera could not be read.")
            message = f"The camera's data could not be read ({type(error).__name__}); Skycam reopens the camera."
            self._end(CameraError(message, reason="camera_unreachable"))
        if self._closing:
            self._release()

    def _end(self, failure: CameraError) -> None:
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def _read(self) -> None:
        before = self._clock.monotonic()
        for number, received in enumerate(self._connection.packets()):
            if self._closing:
                return
            now, now_ns = self._clock.monotonic(), self._clock.wall_ns()
            captured = self._capture_clock.captured(now, received.stamp)
            earliest = self._earliest(received, captured, before)
            arrived = ArrivedPacket(number, captured, now_ns - round((now - captured) * 1e9), earliest, received.packet)
            waited, before = now - before, now
            self._keep([self._suspect] if self._suspect else [])
            self._suspect = arrived if self._may_be_cut_off(waited) else None
            is_live = waited > LIVE_S or received.requested is not None
            self._keep([] if self._suspect else [arrived], live=is_live)

    def _earliest(self, received: ReceivedPacket, captured: float, before: float) -> float:
        """The earliest time at which the picture can have been captured."""
        if received.requested is not None:
            return received.requested
        # Without the camera's times only the arrival of the previous picture bounds the capture of this one.
        return captured if self._connection.timed else before

    def _may_be_cut_off(self, waited: float) -> bool:
        """When a source disconnects, FFmpeg returns the incomplete picture that it has, right after the previous one or
        after its time-out. Such a packet is kept only when another one follows. On a busy machine the time alone does
        not tell it: the decoder refuses the others, where it reports them, and the copier is one packet behind."""
        is_in_time = LIVE_S < waited < self._connection.read_s / 2
        return self._connection.parsed > 0 and not (is_in_time and self._connection.reports_damage)

    def _keep(self, packets: list[ArrivedPacket], *, live: bool = False) -> None:
        with self._changed:
            self.live = self.live or live
            for arrived in packets:
                self._packets.add(arrived)
            self._changed.notify_all()
        # Outside the lock, which those who wait for pictures need. Only this thread changes the buffer.
        if self._copier is not None:
            for arrived in packets:
                self._copier.add(arrived, self._packets.group)


THREADS = 1
"""With more, FFmpeg 8.1 does not report the damage of a slice that the second thread decoded (H.264)."""
END_OF_IMAGE = b"\xff\xd9"
PADDING = 64
"""The most bytes that may follow the end of a JPEG in its packet."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture that is decoded but not yet converted. `arrival` says when its packet arrived."""

    decoded: VideoFrame
    arrival: Arrival

    @property
    def image(self) -> NDArray[np.uint8]:
        """(height, width, 3) RGB uint8, C-contiguous. CameraError for a pixel format that FFmpeg cannot convert."""
        try:
            return np.ascontiguousarray(self.decoded.to_ndarray(format="rgb24"), np.uint8)
        except FAILURES:
            colours = self.decoded.format.name
        # Outside the `except`, so that PyAV's error does not become its context.
        raise CameraError(
            f"The camera sends pictures in the pixel format {colours}, which cannot be shown. Set it to H.264."
        )


class PictureDecoder:
    """`number` is the last decoded packet's, `dropped` the number of pictures that were not returned: damaged, or
    skipped."""

    def __init__(self, codec: VideoCodecContext) -> None:
        # `copy_opaque` carries each packet's arrival to its picture: B-frames return pictures later and in
        # another order.
        codec.copy_opaque, codec.thread_count = True, THREADS
        self._codec = codec
        self._damaged = False
        self.number = self._last_counted = -1
        self.dropped = 0

    def skip_to(self, number: int) -> None:
        """Skip to the packet after `number`, which is a key frame."""
        skipped = max(0, number - self.number)
        self.number += skipped
        self._count_dropped(skipped)

    def decode(self, arrived: ArrivedPacket) -> Iterator[DecodedPicture]:
        """The pictures that this packet completes: usually one, and none after a damaged one until the next key
        frame."""
        followed, self.number = arrived.number == self.number + 1, arrived.number
        if not followed or (self._damaged and arrived.packet.is_keyframe):
            self._flush(arrived)
        # Pictures up to the next key frame refer to the damaged one, and FFmpeg would return them with its damage.
        if self._damaged or not self._is_whole(arrived):
            self._damaged = True
            return
        arrived.packet.opaque = arrived.arrival
        try:
            frames = self._codec.decode(arrived.packet)
        except FAILURES:
            self._damaged = True
            return
        for frame in frames:
            arrival = cast(Arrival, frame.opaque)
            self._last_counted = max(self._last_counted, arrival.number)
            # Decoded, but with parts that FFmpeg filled in from neighbours.
            if frame.is_corrupt:
                self.dropped += 1
            else:
                yield DecodedPicture(frame, arrival)

    def _flush(self, arrived: ArrivedPacket) -> None:
        """Restart the decoder. Pictures that it still holds are dropped."""
        self._codec.flush_buffers()
        self._damaged = False
        self._count_dropped(arrived.number - self._last_counted - 1)

    def _count_dropped(self, pictures: int) -> None:
        self.dropped += pictures
        self._last_counted += pictures

    def _is_whole(self, arrived: ArrivedPacket) -> bool:
        """Whether the packet is complete. FFmpeg would complete a JPEG without its end from an older picture."""
        packet = arrived.packet
        if packet.is_corrupt:
            return False
        return self._codec.name != "mjpeg" or END_OF_IMAGE in bytes(packet)[-PADDING:]
