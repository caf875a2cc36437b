"""Frames as H.264, or a camera's own H.264 packets, in a fragmented MP4. Each frame is one fragment, so a file that
is cut off anywhere still plays up to there. Sources: FFmpeg's formats documentation, chapter mov/mp4; libx264's in
its codecs documentation; ITU-T H.264, 7.3.1, 7.4.1 and annex B; ISO/IEC 14496-15, 5.3.3.1 (`avcC`)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cameras.drivers.base import FrameData
from cameras.drivers.packets import PacketData
from cameras.runtime.spec import Recording
from captures.recordings.recorder.recorder_inbox import size_of
from captures.recordings.recorder.tracks import FrameOrPacket, Sink, Track, Unplayable

TICKS = 90_000
"""Ticks per second of the time stamps."""
TIME_BASE = Fraction(1, TICKS)
KEY_S = 2.0
"""Seconds between key frames."""
# Measured with kill -9: 0.07 s of video are lost, 2.5 s with frag_keyframe, and a plain MP4 is lost whole.
# flush_packets passes each fragment on at once; the files are 0.2 % larger.
FORMAT = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
# Larger than a fragment, so that each one is one write: PyAV's default of 32 KiB would cut it into pieces.
BUFFER_BYTES = 1 << 20
SINGLE_THREAD_PIXELS = 1920 * 1200
BT601 = 6
"""FFmpeg's number for SMPTE 170M, which `pixels.i420` produces."""
LIMITED = 1
I_FRAME = 1


class Muxer:
    """Time stamps increase strictly, whatever the camera's clock does."""

    def __init__(self, sink: Sink) -> None:
        self._container = av.open(sink, "w", format="mp4", options=FORMAT, buffer_size=BUFFER_BYTES)
        self._last = -1

    def ticks(self, seconds: float) -> int:
        """The time stamp of a frame captured `seconds` after the first. Two frames within one tick get consecutive
        ticks: a muxer stops at a time stamp that does not increase."""
        self._last = max(self._last + 1, round(seconds * TICKS))
        return self._last

    def close(self) -> None:
        self._container.close()


class Encoder(Muxer):
    """`width` and `height` are even."""

    def __init__(self, sink: Sink, width: int, height: int, desired: Recording) -> None:
        super().__init__(sink)
        # `rate` is nominal: the time stamps follow the camera's clock.
        self._stream: VideoStream = self._container.add_stream("libx264", rate=15, options=_options(desired))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.time_base = TIME_BASE
        codec = self._stream.codec_context
        # Key frames are set by time in `add`: counted by frames, a slow camera would get one in minutes. B-frames would
        # hold frames back, which a crash would lose.
        codec.time_base, codec.max_b_frames, codec.gop_size = TIME_BASE, 0, 100_000
        codec.thread_count = 1 if width * height <= SINGLE_THREAD_PIXELS else 2
        # Untagged, players guess the matrix from the size of the picture; `pixels.i420` always uses BT.601.
        codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc = LIMITED, BT601, BT601, BT601
        self._key_at = 0.0

    def add(self, planes: NDArray[np.uint8], seconds: float) -> None:
        """Encode an I420 picture captured `seconds` after the first. OSError of the sink."""
        # Shares the memory of `planes` instead of copying it: `as_i420` makes a new array for each frame.
        frame = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")
        frame.pts, frame.time_base = self.ticks(seconds), TIME_BASE
        if seconds >= self._key_at:
            self._key_at = seconds + KEY_S
            # An IDR frame because of `forced-idr`: libx264 would otherwise make a plain I frame, which is no key frame.
            frame.pict_type = I_FRAME
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the frames that the encoder still holds, and the index. OSError of the sink."""
        self._container.mux(self._stream.encode(None))
        self.close()


def _options(desired: Recording) -> dict[str, str]:
    """Constant quality with a cap on the bit rate, which noise would raise tenfold. No look-ahead: frames that the
    encoder holds back would be lost in a crash."""
    rate = f"{desired['max_kbit_s']}k"
    return {
        "preset": desired["preset"], "tune": "zerolatency", "crf": str(desired["crf"]),
        "maxrate": rate, "bufsize": f"{desired['max_kbit_s'] * 2}k", "forced-idr": "1",
    }  # fmt: skip


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


SHORT_START_CODE = b"\0\0\1"
START_CODE = b"\0\0\0\1"
TYPE_MASK, FORBIDDEN_BIT = 0x1F, 0x80
UNSPECIFIED, SPS, PPS, FILLER = 0, 7, 8, 12
SLICES = frozenset(range(1, 6))
PARAMETER_SETS = frozenset({SPS, PPS})
AVCC_HEADER_BYTES = 6


def unit_type(unit: bytes) -> int:
    return unit[0] & TYPE_MASK


def split_units(data: bytes, extradata: bytes) -> list[bytes]:
    """The NAL units of a packet; `extradata` of its stream says how they are delimited. Without trailing zeros, and
    without empty units, fillers, and units that a decoder must ignore."""
    # A start code of four bytes leaves its first zero at the end of the unit before it. No unit ends with a zero
    # (7.4.1), so all zeros there are start code or padding. `repair` relies on that.
    found = _length_prefixed(data, (extradata[4] & 3) + 1) if is_avcc(extradata) else data.split(SHORT_START_CODE)
    whole = (unit.rstrip(b"\0") for unit in found)
    return [
        unit for unit in whole if unit and not unit[0] & FORBIDDEN_BIT and unit_type(unit) not in {UNSPECIFIED, FILLER}
    ]


def is_avcc(extradata: bytes) -> bool:
    # `avcC` begins with its version 1, annex B with a zero.
    return len(extradata) > AVCC_HEADER_BYTES and extradata[0] == 1


def _length_prefixed(data: bytes, length_bytes: int) -> list[bytes]:
    """Units with a length before each. A unit that is cut off is left out."""
    found, offset = [], 0
    while offset + length_bytes <= len(data):
        length = int.from_bytes(data[offset : offset + length_bytes])
        offset += length_bytes
        if offset + length <= len(data):
            found.append(data[offset : offset + length])
        offset += length
    return found


def parameter_sets(units: Iterable[bytes]) -> tuple[bytes, ...]:
    """The parameter sets among `units`; empty unless there are SPS and PPS, as neither is of use alone."""
    found = tuple(dict.fromkeys(unit for unit in units if unit_type(unit) in PARAMETER_SETS))
    return found if {unit_type(unit) for unit in found} == PARAMETER_SETS else ()


def parameter_sets_in(extradata: bytes) -> tuple[bytes, ...]:
    """The parameter sets that a stream announces outside its packets."""
    return parameter_sets(_sets_of_avcc(extradata) if is_avcc(extradata) else split_units(extradata, b""))


def _sets_of_avcc(extradata: bytes) -> list[bytes]:
    """The parameter sets in `avcC`: first SPS, then PPS, each after its length of two bytes."""
    found, offset = list[bytes](), AVCC_HEADER_BYTES - 1
    # The number of SPS has five bits, that of PPS eight. Both come from the camera, so the bytes may end too early.
    for mask in (0x1F, 0xFF):
        count = extradata[offset] & mask if offset < len(extradata) else 0
        offset += 1
        for _ in range(count):
            length = int.from_bytes(extradata[offset : offset + 2])
            found.append(extradata[offset + 2 : offset + 2 + length])
            offset += 2 + length
    return [unit for unit in found if unit]


def has_slice(units: Iterable[bytes]) -> bool:
    """Whether `units` contain a part of a picture."""
    return any(unit_type(unit) in SLICES for unit in units)


def to_annex_b(units: Iterable[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)
