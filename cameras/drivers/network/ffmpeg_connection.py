"""Connections that FFmpeg demultiplexes: RTSP and MPEG-TS."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from cameras.drivers.network.addresses import UNVERIFIED, Protocol, destination_of, protocol_of
from cameras.drivers.network.connection import LIMITS, Connection, ReceivedPacket, decoder_of
from cameras.drivers.network.errors import ENDED, FAILURES, opening_failed, reading_failed, unreachable
from cameras.drivers.network.http_client import HttpAnswer, HttpClient
from cameras.drivers.network.rtsp_relay import RtspRelay, challenges_of, ffmpeg_signs_in
from core.outgoing import Endpoint, OutgoingGuard

PROBE_US = 3_000_000
REPORTED = frozenset({"h264", "mpeg4"})
"""Codecs of which FFmpeg 8.1 reports a picture whose data ends early. Of H.265, VP8 and VP9 it does not."""
NO_VIDEO = (
    "sends no video in a format that Skycam opens (H.264, H.265, MJPEG). "
    "Check the address, and the stream settings on the camera's own pages."
)


class FfmpegConnection(Connection):
    """`address` is normalised. Raises CameraError if it cannot be opened within `open_s`."""

    def __init__(self, address: str, container: InputContainer, read_s: float) -> None:
        self.read_s = read_s
        self._container = container
        # PyAV has no codec context for video that FFmpeg cannot decode.
        known = [stream for stream in container.streams.video if stream.codec_context]
        if not known:
            self.close()
            raise unreachable(NO_VIDEO)
        self._stream: VideoStream = known[0]
        parameters = self._stream.codec_context
        self.codec, self.extradata, self.title = (
            parameters.name, parameters.extradata, f"{parameters.name} over {urlsplit(address).scheme}",
        )  # fmt: skip
        self.rate = float(self._stream.average_rate) if self._stream.average_rate else None
        self.timed = True
        self.reports_damage = self.codec in REPORTED
        # Its parser waits for the beginning of the next packet, and that of a transport stream for one more.
        self.parsed = 0 if self.codec == "mjpeg" else 2 if container.format.name == "mpegts" else 1

    def new_decoder(self) -> VideoCodecContext:
        # The stream's own decoder and its threads would live until Python's garbage collection, because PyAV's
        # container and streams refer to each other.
        parameters = self._stream.codec_context
        decoder = decoder_of(parameters.codec)
        decoder.extradata, decoder.codec_tag = parameters.extradata, parameters.codec_tag
        return decoder

    def packets(self) -> Iterator[ReceivedPacket]:
        failure, received = unreachable(ENDED), time.monotonic()
        try:
            for packet in self._container.demux(self._stream):
                # At the end of a stream PyAV's demux yields an empty packet, meant to flush a decoder.
                if packet.size:
                    received = time.monotonic()
                    yield ReceivedPacket(packet, stamp_of(packet))
        except FAILURES as error:
            failure = reading_failed(error, time.monotonic() - received)
        # Outside the `except`: even with `from None` the error would keep PyAV's exception, with the password, as its
        # context.
        raise failure

    def interrupt(self) -> None:
        """FFmpeg's own connections cannot be interrupted: a read ends with its time limit."""

    def close(self) -> None:
        self._container.close()


class StreamOverHttp(FfmpegConnection):
    """MPEG-TS in the endless answer to one GET. FFmpeg gets only the bytes, so no answer can redirect it."""

    def __init__(self, address: str, client: HttpClient, answer: HttpAnswer, head: bytes, read_s: float) -> None:
        self._client, self._file = client, AnswerFile(answer, head)
        options = options_of(address, protocol_of(address))
        container = av.open(self._file, "r", "mpegts", options=options, metadata_errors="replace")
        super().__init__(address, container, read_s)
        self._file.opened()

    def interrupt(self) -> None:
        self._client.interrupt()

    def close(self) -> None:
        super().close()
        self._file.close()


class RelayedConnection(FfmpegConnection):
    """RTSP from a camera to which a relay signs in."""

    def __init__(self, address: str, relay: RtspRelay, container: InputContainer, read_s: float) -> None:
        self._relay = relay
        super().__init__(address, container, read_s)

    def interrupt(self) -> None:
        self._relay.close()

    def close(self) -> None:
        super().close()
        self._relay.close()


class AnswerFile:
    """What PyAV reads. `head` is the part of the answer that was read already."""

    def __init__(self, answer: HttpAnswer, head: bytes) -> None:
        self._answer, self._head = answer, head
        self._is_opening, self._ended = True, False

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as soon as some arrive; empty at the end, and when opening takes too long: FFmpeg then
        uses what it has received."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        if self._ended:
            return b""
        try:
            return self._answer.read(size)
        except TimeoutError:
            if not self._is_opening:
                raise
            self._ended = True
            return b""

    def opened(self) -> None:
        self._is_opening = False
        self._answer.unlimit()

    def close(self) -> None:
        self._answer.close()


def open_with_ffmpeg(address: str, guard: OutgoingGuard, open_s: float, read_s: float) -> FfmpegConnection:
    """CameraError, and what opening raises."""
    began = time.monotonic()
    destination = destination_of(address)
    endpoint = guard.resolve(*destination) if destination else None
    if endpoint is not None and address.startswith("rtsp") and urlsplit(address).username is not None:
        challenges = challenges_of(address, endpoint, began + open_s)
        if challenges is not None and not ffmpeg_signs_in(challenges):
            return _open_relayed(address, endpoint, challenges, began + open_s, read_s)
    failure = None
    # One time limit for all addresses of a name: the camera loop waits for `open_s`, not for each of them.
    for place in places_of(address, endpoint):
        try:
            container = _open(address, place, open_s - (time.monotonic() - began), read_s)
        except FAILURES as error:
            failure = opening_failed(address, error, time.monotonic() - began, open_s)
        else:
            return FfmpegConnection(address, container, read_s)
    # After the `except` blocks, so that PyAV's exception with the address does not become its context.
    assert failure is not None
    raise failure


def places_of(address: str, endpoint: Endpoint | None) -> list[str]:
    """Host and port for FFmpeg, as IP addresses, so that it connects where the guard checked. For a listening address,
    the address itself."""
    if endpoint is None:
        return [urlsplit(address).netloc]
    return [f"[{found}]:{endpoint.port}" if found.version == 6 else f"{found}:{endpoint.port}"
            for found in endpoint.addresses]  # fmt: skip


def _open_relayed(
    address: str, endpoint: Endpoint, challenges: list[str], until: float, read_s: float
) -> RelayedConnection:
    relay = RtspRelay(address, endpoint, challenges, until)
    try:
        container = _open(relay.address, urlsplit(relay.address).netloc, until - time.monotonic(), read_s)
    except BaseException:
        relay.close()
        raise
    return RelayedConnection(address, relay, container, read_s)


def _open(address: str, place: str, open_s: float, read_s: float) -> InputContainer:
    parts, protocol = urlsplit(address), protocol_of(address)
    login, at, _ = parts.netloc.rpartition("@")
    # FFmpeg gets the IP address, so it cannot resolve the name a second time, to an unchecked address. The name goes in
    # `verifyhost`, because the certificate has it.
    resolved = parts._replace(netloc=f"{login}{at}{place}", fragment="").geturl()
    options = options_of(address, protocol) | ({"verifyhost": parts.hostname or ""} if protocol.encrypted else {})
    # `metadata_errors`: titles that a camera sends need not be UTF-8, for which PyAV raises by default.
    return av.open(resolved, options=options, timeout=(max(0.1, open_s), read_s), metadata_errors="replace")


def options_of(address: str, protocol: Protocol) -> dict[str, str]:
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


def stamp_of(packet: av.Packet[VideoStream]) -> float | None:
    """Seconds of the camera's clock: the decoding time, where it differs from the presentation time (B-frames)."""
    # Not the presentation time: with B-frames it steps back, which would look like a reset of the camera's clock.
    ticks = packet.pts if packet.dts is None else packet.dts
    return float(ticks * packet.time_base) if ticks is not None else None
