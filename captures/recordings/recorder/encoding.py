"""Encode frames to H.264 for a clip."""

from __future__ import annotations

from cameras.drivers.base import FrameData
from cameras.runtime.spec import Recording
from captures.recordings.recorder.muxer import Encoder
from captures.recordings.recorder.pixels import size_of
from captures.recordings.recorder.tracks import FrameOrPacket, Sink, Track


class EncodedTrack(Track):
    def __init__(self, first: FrameData, desired: Recording) -> None:
        self.size, self._desired = size_of(first.image), desired

    def begin(self, sink: Sink) -> None:
        self._encoder = Encoder(sink, *self.size, self._desired)

    def accepts(self, frame: FrameOrPacket) -> bool:
        return isinstance(frame, FrameData) and size_of(frame.image) == self.size

    def add(self, frame: FrameOrPacket, seconds: float) -> bool:
        assert isinstance(frame, FrameData)
        self._encoder.add(frame.image, seconds)  # type: ignore[arg-type]
        return True

    def finish(self) -> None:
        self._encoder.finish()
