"""Copy a camera's own packets into a clip. Only the first picture of each clip is decoded."""

from __future__ import annotations

import io

import av
from av.container import InputContainer

from cameras.drivers.packets import PacketData
from captures.recordings.recorder.muxer import TICKS, TIME_BASE, Muxer
from captures.recordings.recorder.nal_units import (
    has_slice,
    parameter_sets,
    parameter_sets_in,
    split_units,
    to_annex_b,
)
from captures.recordings.recorder.tracks import FrameOrPacket, Sink, Track, Unplayable

# There is one picture to look at: without the zeros FFmpeg waits for more to estimate the frame rate. Its default
# probesize of 5 MB is less than a large key frame can have.
PROBE_OPTIONS = {"probesize": "10000000", "analyzeduration": "0", "fpsprobesize": "0"}
NO_SETS = "Its packets come without the parameter sets that a decoder needs."
NO_PICTURE = "Its packets cannot be decoded."


class CopiedTrack(Track):
    """Parameter sets in the first packet override those that the stream announces. A key frame with other parameter
    sets needs another track."""

    def __init__(self, first: PacketData) -> None:
        self.source = self._source = first.of
        units = split_units(first.data, first.of.extradata)
        self._sets = parameter_sets(units) or parameter_sets_in(first.of.extradata)
        if not self._sets or not has_slice(units):
            raise Unplayable(NO_SETS)
        self._picture = _open_picture(to_annex_b([*self._sets, *self._without_sets(units)]))
        codec = self._picture.streams.video[0].codec_context
        self.size = (codec.width, codec.height)
        # FFmpeg also opens what it cannot decode; the size is 0 then.
        if not all(self.size):
            raise Unplayable(NO_PICTURE)
        self._pending: list[bytes] = []

    def begin(self, sink: Sink) -> None:
        self._muxer = PacketMuxer(sink, self._picture)

    def accepts(self, frame: FrameOrPacket) -> bool:
        if not isinstance(frame, PacketData) or frame.of is not self._source:
            return False
        # Only key frames are split and compared: this runs for each packet of the camera.
        sets = parameter_sets(split_units(frame.data, self._source.extradata)) if frame.is_key else ()
        return not sets or sets == self._sets

    def add(self, frame: FrameOrPacket, seconds: float) -> bool:
        assert isinstance(frame, PacketData)
        units = [*self._pending, *split_units(frame.data, self._source.extradata)]
        # Some cameras send parameter sets or delimiters in packets of their own: MP4 has no sample without a picture.
        whole = has_slice(units)
        self._pending = [] if whole else units
        if whole:
            self._muxer.add(to_annex_b(self._without_sets(units)), seconds, frame.shown_after_s, is_key=frame.is_key)
        return whole

    def _without_sets(self, units: list[bytes]) -> list[bytes]:
        """The parameter sets are in the header of the file."""
        return [unit for unit in units if unit not in self._sets]

    def finish(self) -> None:
        self._muxer.close()
        self._picture.close()


class PacketMuxer(Muxer):
    """Writes packets into a stream like that of `source`."""

    def __init__(self, sink: Sink, source: InputContainer) -> None:
        super().__init__(sink)
        self._stream = self._container.add_stream_from_template(source.streams.video[0])
        self._stream.time_base = TIME_BASE

    def add(self, data: bytes, seconds: float, shown_after_s: float, *, is_key: bool) -> None:
        """Add a packet decoded `seconds` after the first and shown `shown_after_s` later. OSError of the sink."""
        packet = av.Packet(data)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, TIME_BASE, is_key
        # The decoding time, as packets come in decoding order: with B-frames the presentation times do not increase.
        packet.dts = self.ticks(seconds)
        packet.pts = packet.dts + round(shown_after_s * TICKS)
        self._container.mux(packet)


def _open_picture(picture: bytes) -> InputContainer:
    """The picture, opened: FFmpeg reads from it what the header of the file needs. Unplayable."""
    try:
        return av.open(io.BytesIO(picture), "r", format="h264", options=PROBE_OPTIONS)
    except av.FFmpegError as error:
        raise Unplayable(f"{NO_PICTURE} ({type(error).__name__})") from None
