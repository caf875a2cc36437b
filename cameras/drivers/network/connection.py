"""One connection to a network camera. It yields packets and decodes nothing: pictures are made of them elsewhere, and
whoever copies packets into a file takes the same ones."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from cameras.drivers.base import CameraError
from cameras.drivers.network.addresses import OVER_HTTP, UNVERIFIED, Protocol, protocol_of
from cameras.drivers.network.errors import FAILURES, opening_failed, unreachable

READ_S = 4.0
"""A source that sends no packet for so long is gone. FFmpeg notices it of RTSP in twice the time."""
PROBE_US = 3_000_000
CODECS = "h264,hevc,mjpeg,mpeg4,mpeg2video,vp8,vp9,av1,libdav1d"
MOST_PIXELS = 8192 * 8192
"""A larger picture is not decoded: a few KB may say that they are one of a GB."""
LIMITS = {"max_pixels": str(MOST_PIXELS)}
NO_VIDEO = (
    "sends no video, or none of a kind that Skycam opens (H.264, H.265, MJPEG). "
    "Look at the address, and at the camera's own settings of its streams."
)


class Connection:
    """Used by one thread at a time. `address` is as `checked` gives it; opening takes at most `open_s`."""

    def __init__(self, address: str, open_s: float) -> None:
        self._address = address
        self._container = _opened(address, open_s)
        known = [stream for stream in self._container.streams.video if stream.codec_context]
        if not known:
            self.close()
            raise unreachable(address, NO_VIDEO)
        self.stream: VideoStream = known[0]
        self.stream.codec_context.options |= LIMITS

    @property
    def title(self) -> str:
        """`h264 over rtsp`"""
        return f"{self.stream.codec_context.name} over {self._address.partition(':')[0]}"

    @property
    def parsed(self) -> int:
        """How many packets later FFmpeg tells that one is complete: its parser waits for the beginning of the next."""
        if self.stream.codec_context.name == "mjpeg":
            return 0
        return 2 if self._container.format.name == "mpegts" else 1

    @property
    def timed(self) -> bool:
        """Whether the packets carry the camera's own times. MJPEG over HTTP does not; and without a Content-Length a
        picture of it is only seen to be complete when the next one begins."""
        return self._container.format.name != "mpjpeg"

    def stamp(self, packet: av.Packet[VideoStream]) -> float | None:
        """Seconds of the camera's clock, rising in the order in which it sends: of the decoding, where that is not the
        order in which pictures are seen (B-frames)."""
        ticks = packet.pts if packet.dts is None else packet.dts
        return float(ticks * packet.time_base) if self.timed and ticks is not None else None

    def packets(self) -> Iterator[av.Packet[VideoStream]]:
        """Every packet of the video, as it comes. It always ends with a CameraError: an end is a disconnect."""
        try:
            for packet in self._container.demux(self.stream):
                if packet.size:
                    yield packet
        except FAILURES:
            ended = f"stopped sending, or was silent for {READ_S:g} s. Look at the camera and the network."
        else:
            ended = "ended the stream. Skycam opens it again."
        raise unreachable(self._address, ended)

    def close(self) -> None:
        """Idempotent."""
        self._container.close()


def _opened(address: str, open_s: float) -> InputContainer:
    try:
        protocol = protocol_of(address)
    except ValueError as error:
        raise CameraError(f"This address is not opened: {error}", permanent=True) from None
    try:
        return av.open(
            address.partition("#")[0], options=_options(address, protocol), timeout=(open_s, READ_S),
            metadata_errors="replace",
        )  # fmt: skip
    except FAILURES as error:
        failure = opening_failed(address, error)
    raise failure


def _options(address: str, protocol: Protocol) -> dict[str, str]:
    """What FFmpeg may do, and that it takes the first packets instead of guessing the frame rate from them."""
    options = {
        "protocol_whitelist": protocol.lower,
        "format_whitelist": protocol.formats,
        "codec_whitelist": CODECS,
        "fpsprobesize": "0",
        "analyzeduration": str(PROBE_US),
        **LIMITS,
    }
    if protocol.formats == "rtsp":
        options |= {"rtsp_transport": "tcp", "allowed_media_types": "video"}
    if protocol.formats == OVER_HTTP:
        options["max_redirects"] = "0"
    if protocol.encrypted:
        verified = not address.endswith(f"#{UNVERIFIED}")
        options |= {"tls_verify": str(int(verified)), "ca_file": ssl.get_default_verify_paths().cafile or ""}
    return options
