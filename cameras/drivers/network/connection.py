"""One connection to a network camera. It yields packets and decodes nothing; the picture decoder and the packet copier
use the same packets."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import av
from av.codec import CodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from cameras.drivers.base import CameraError
from cameras.drivers.network.addresses import OVER_HTTP, UNVERIFIED, Protocol, destination_of, protocol_of
from cameras.drivers.network.errors import FAILURES, LOST, OTHER_KIND, opening_failed, refused, unreachable
from cameras.drivers.network.http_stream import HttpStream
from core.outgoing import AddressRefused, OutgoingGuard

PROBE_US = 3_000_000
CODECS = "h264,hevc,mjpeg,mpeg4,mpeg2video,vp8,vp9,av1,libdav1d"
REPORTED = frozenset({"h264", "mpeg4"})
"""Codecs of which FFmpeg 8.1 reports a picture whose data ends early. Of H.265, VP8 and VP9 it does not."""
MOST_PIXELS = 8192 * 8192
"""Larger pictures are not decoded: a few KB may expand to a GB."""
LIMITS = {"max_pixels": str(MOST_PIXELS), "codec_whitelist": CODECS}
NO_STREAM_OF_VIDEO = re.compile(r"(?:text|image|audio)/|.*(?:mpegurl|xml|json)")
"""Content types that are not video: a login page, a playlist, a single picture."""
NO_VIDEO = (
    "sends no video in a format that Skycam opens (H.264, H.265, MJPEG). "
    "Check the address, and the stream settings on the camera's own pages."
)


class Connection:
    """Used by one thread at a time, except for `interrupt`. `address` is normalised; opening takes at most `open_s` and
    connects only where `guard` allows. A source that sends no packet for `read_s` is treated as disconnected."""

    def __init__(self, address: str, guard: OutgoingGuard, open_s: float, read_s: float) -> None:
        self.read_s = read_s
        self._address = address
        self._container, self._stream = _open(address, guard, open_s, read_s)
        # PyAV has no codec context for video that FFmpeg cannot decode.
        known = [stream for stream in self._container.streams.video if stream.codec_context]
        if not known:
            self.close()
            raise unreachable(NO_VIDEO)
        self.stream: VideoStream = known[0]

    def new_decoder(self) -> VideoCodecContext:
        """A decoder that is freed with its last reference. The stream's own decoder and its threads would live until
        Python's garbage collection, because PyAV's container and streams refer to each other."""
        parameters = self.stream.codec_context
        decoder = CodecContext.create(parameters.codec, "r")
        assert isinstance(decoder, VideoCodecContext)
        decoder.extradata, decoder.codec_tag = parameters.extradata, parameters.codec_tag
        decoder.options |= LIMITS
        return decoder

    @property
    def title(self) -> str:
        """`h264 over rtsp`"""
        return f"{self.stream.codec_context.name} over {self._address.partition(':')[0]}"

    @property
    def parsed(self) -> int:
        """By how many packets FFmpeg returns a packet late: its parser waits for the beginning of the next one."""
        if self.stream.codec_context.name == "mjpeg":
            return 0
        return 2 if self._container.format.name == "mpegts" else 1

    @property
    def reports_damage(self) -> bool:
        """Whether a decoder tells an incomplete picture."""
        return self.stream.codec_context.name in REPORTED

    @property
    def timed(self) -> bool:
        """Whether the packets carry the camera's time stamps. MJPEG over HTTP has none, and without a Content-Length
        its pictures are complete only when the next one begins."""
        return self._container.format.name != "mpjpeg"

    def stamp(self, packet: av.Packet[VideoStream]) -> float | None:
        """Seconds of the camera's clock, increasing in the order of sending: the decoding time, where it differs from
        the presentation time (B-frames)."""
        # Not the presentation time: with B-frames it steps back, which would look like a reset of the camera's clock.
        ticks = packet.pts if packet.dts is None else packet.dts
        return float(ticks * packet.time_base) if self.timed and ticks is not None else None

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The packets of the video as they arrive. Always ends with a CameraError: the end of the stream is a
        disconnect."""
        try:
            for packet in self._container.demux(self.stream):
                # At the end of a stream PyAV's demux yields an empty packet, meant to flush a decoder.
                if packet.size:
                    yield packet
        except FAILURES:
            ended = f"stopped sending, or was silent for {self.read_s:g} s. Check the camera and the network."
        else:
            ended = "ended the stream. Skycam reopens it."
        # Outside the `except`: even with `from None` the error would keep PyAV's exception, with the password, as its
        # context.
        raise unreachable(ended)

    def interrupt(self) -> None:
        """From any thread: end a running read soon."""
        if self._stream is not None:
            self._stream.interrupt()

    def close(self) -> None:
        """Idempotent."""
        self._container.close()
        if self._stream is not None:
            self._stream.close()


def _open(address: str, guard: OutgoingGuard, open_s: float, read_s: float) -> tuple[InputContainer, HttpStream | None]:
    """Errors are raised without a cause, because the cause may contain the address with its password."""
    try:
        protocol = protocol_of(address)
    except ValueError as error:
        raise CameraError(f"This address cannot be opened: {error}", permanent=True) from None
    until, failure = time.monotonic() + open_s, unreachable(LOST)
    try:
        if protocol.formats == OVER_HTTP:
            return _open_http(address, protocol, guard, open_s, read_s)
        # One time limit for all addresses of a name: the camera loop waits for `open_s`, not for each of them.
        for place in _endpoints(address, guard):
            try:
                return _open_with_ffmpeg(address, place, protocol, until - time.monotonic(), read_s), None
            except FAILURES as error:
                failure = opening_failed(address, error)
    except AddressRefused as error:
        failure = refused(error)
    except FAILURES as error:
        failure = opening_failed(address, error)
    # After the `except` blocks, so that PyAV's exception with the address does not become its context.
    raise failure


def _endpoints(address: str, guard: OutgoingGuard) -> list[str]:
    """Host and port for FFmpeg, as IP addresses, so that it connects where the guard checked. For a listening address,
    the address itself."""
    parts = urlsplit(address)
    destination = destination_of(address)
    if destination is None:
        return [parts.netloc]
    endpoint = guard.resolve(*destination)
    return [f"[{found}]:{endpoint.port}" if found.version == 6 else f"{found}:{endpoint.port}"
            for found in endpoint.addresses]  # fmt: skip


def _open_with_ffmpeg(address: str, place: str, protocol: Protocol, open_s: float, read_s: float) -> InputContainer:
    parts = urlsplit(address)
    login, at, _ = parts.netloc.rpartition("@")
    # FFmpeg gets the IP address, so it cannot resolve the name a second time, to an unchecked address. The name goes in
    # `verifyhost`, because the certificate has it.
    resolved = parts._replace(netloc=f"{login}{at}{place}", fragment="").geturl()
    options = _options(address, protocol) | ({"verifyhost": parts.hostname or ""} if protocol.encrypted else {})
    # `metadata_errors`: titles that a camera sends need not be UTF-8, for which PyAV raises by default.
    return av.open(resolved, options=options, timeout=(max(0.1, open_s), read_s), metadata_errors="replace")


def _open_http(
    address: str, protocol: Protocol, guard: OutgoingGuard, open_s: float, read_s: float
) -> tuple[InputContainer, HttpStream]:
    destination = destination_of(address)
    assert destination is not None
    endpoint = guard.resolve(*destination)
    stream = HttpStream(address, endpoint, open_s, read_s, verified=not address.endswith(f"#{UNVERIFIED}"))
    try:
        # Before FFmpeg sees a byte: it would take a playlist or a login page for some demuxer's format.
        if NO_STREAM_OF_VIDEO.match(stream.content_type):
            raise unreachable(OTHER_KIND)
        options = _options(address, protocol)
        container = av.open(stream, "r", stream.format, options=options, metadata_errors="replace")
    except BaseException:
        stream.close()
        raise
    stream.opened()
    return container, stream


def _options(address: str, protocol: Protocol) -> dict[str, str]:
    """FFmpeg's options: what it may open, and that it does not drop the first packets to guess the frame rate. The
    target of a server's redirection is not a protocol on the list (FFmpeg 8.1)."""
    options = {
        "protocol_whitelist": protocol.lower,
        "format_whitelist": protocol.formats,
        "fpsprobesize": "0",
        "analyzeduration": str(PROBE_US),
        **LIMITS,
    }
    if protocol.formats == "rtsp":
        # Over UDP a lost datagram damages the pictures up to the next key frame. Sound would be received for nothing.
        options |= {"rtsp_transport": "tcp", "allowed_media_types": "video"}
    if protocol.encrypted:
        verified = not address.endswith(f"#{UNVERIFIED}")
        # FFmpeg's default is no verification, and not every TLS library that it is built with knows a file of
        # authorities.
        options |= {"tls_verify": str(int(verified)), "ca_file": ssl.get_default_verify_paths().cafile or ""}
    return options
