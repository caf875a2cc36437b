"""One connection to a network camera. It yields packets and decodes nothing; the picture decoder and the packet copier
use the same packets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from av import Packet
from av.codec import Codec, CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

MOST_PIXELS = 8192 * 8192
"""Larger pictures are not decoded: a few KB may expand to a GB."""
CODECS = "h264,hevc,mjpeg,mpeg4,mpeg2video,vp8,vp9,av1,libdav1d"
LIMITS = {"max_pixels": str(MOST_PIXELS), "codec_whitelist": CODECS}


@dataclass(frozen=True, slots=True)
class ReceivedPacket:
    """`stamp`: seconds of the camera's clock, increasing in the order of sending. `requested`: when the picture was
    requested, in seconds of the monotonic clock, where each is requested by itself."""

    packet: Packet[VideoStream]
    stamp: float | None = None
    requested: float | None = None


class Connection(ABC):
    """Used by one thread at a time, except for `interrupt`, `request_picture` and `interval_s`. A source that sends no
    packet for `read_s` is treated as disconnected."""

    read_s: float
    title: str
    """`h264 over rtsp`"""
    codec: str
    extradata: bytes | None = None
    rate: float | None = None
    """Pictures per second, where the camera states it."""
    parsed: int = 0
    """By how many packets a packet is returned late: its end is only known by the beginning of the next one."""
    reports_damage: bool = True
    """Whether a decoder tells an incomplete picture."""
    timed: bool = False
    """Whether the packets have stamps."""
    interval_s: float | None = None
    """From one request to the next, where each picture is requested by itself. May be set at any time."""

    @abstractmethod
    def packets(self) -> Iterator[ReceivedPacket]:
        """The packets of the video as they arrive. Always ends with a CameraError: the end of the stream is a
        disconnect."""

    @abstractmethod
    def new_decoder(self) -> VideoCodecContext:
        """A decoder that is freed with its last reference."""

    def request_picture(self) -> None:
        """From any thread: request the next picture at once, where each is requested by itself."""

    @abstractmethod
    def interrupt(self) -> None:
        """From any thread: end a running read soon."""

    @abstractmethod
    def close(self) -> None:
        """Idempotent."""


def decoder_of(codec: Codec | str) -> VideoCodecContext:
    decoder = CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options |= LIMITS
    return decoder
