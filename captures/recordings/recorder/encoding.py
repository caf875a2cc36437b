"""Frames as H.264 in a fragmented MP4. Each frame is one fragment, so a file that is cut off anywhere still plays up
to there. Source of the options: FFmpeg's formats documentation, chapter mov/mp4; libx264's in its codecs
documentation."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cameras.drivers.base import FrameData
from cameras.runtime.spec import Recording
from captures.recordings.recorder.recorder_inbox import size_of
from captures.recordings.recorder.tracks import FrameOrPacket, Sink, Track

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
