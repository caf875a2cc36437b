"""Decodes packets into pictures, on demand, and never returns a damaged one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from cameras.drivers.base import CameraError
from cameras.drivers.network.errors import FAILURES
from cameras.drivers.network.packet_buffer import Arrival, ArrivedPacket

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
