"""Opens a camera's connection, of the kind that its address and its answer call for."""

from __future__ import annotations

import re
import time

from cameras.drivers.base import CameraError
from cameras.drivers.network.addresses import NOTHING, UNVERIFIED, NetworkTimes, destination_of, protocol_of
from cameras.drivers.network.connection import Connection
from cameras.drivers.network.errors import FAILURES, OTHER_KIND, opening_failed, refused, unreachable
from cameras.drivers.network.ffmpeg_connection import StreamOverHttp, open_with_ffmpeg
from cameras.drivers.network.http_client import HttpAnswer, HttpClient
from cameras.drivers.network.jpeg_connection import START, JpegSnapshots, JpegStream
from core.outgoing import AddressRefused, OutgoingGuard

JPEG = re.compile(r"image/p?jpe?g")
TRANSPORT_STREAM = "video/mp2t"
NO_STREAM_OF_VIDEO = re.compile(r"(?:text|image|audio)/|.*(?:mpegurl|xml|json)")
"""Content types that are not video: a login page, a playlist, a picture of another format."""
SYNCHRONISED = re.compile(rb"G.{187}G.{187}G", re.DOTALL)
"""Three packets of a transport stream."""
MOST_HEAD_BYTES = 65_536
"""In which a stream that does not say what it is must show it."""


def open_connection(address: str, guard: OutgoingGuard, times: NetworkTimes, open_s: float) -> Connection:
    """Opens it within `open_s`, and only where `guard` allows. CameraError, without a cause: that may contain the
    address with its password."""
    try:
        protocol = protocol_of(address)
    except ValueError as error:
        raise CameraError(f"This address cannot be opened: {error}", permanent=True) from None
    began = time.monotonic()
    try:
        if protocol.lower == NOTHING:
            return _open_http(address, guard, times, open_s)
        return open_with_ffmpeg(address, guard, open_s, times.read_s)
    except AddressRefused as error:
        failure = refused(error)
    except FAILURES as error:
        failure = opening_failed(address, error, time.monotonic() - began, open_s)
    # After the `except` blocks, so that PyAV's exception with the address does not become its context.
    raise failure


def _open_http(address: str, guard: OutgoingGuard, times: NetworkTimes, open_s: float) -> Connection:
    destination = destination_of(address)
    assert destination is not None
    client = HttpClient(address, guard.resolve(*destination), verified=not address.endswith(f"#{UNVERIFIED}"))
    answer = client.get(open_s, times.read_s)
    try:
        return _connection_of(address, client, answer, times)
    except BaseException:
        answer.close()
        raise


def _connection_of(address: str, client: HttpClient, answer: HttpAnswer, times: NetworkTimes) -> Connection:
    """Decided before FFmpeg sees a byte: it would take a playlist or a login page for some demuxer's format."""
    kind, is_single = answer.content_type, answer.has_length
    if kind.startswith("multipart/"):
        return JpegStream(address, client, answer, b"", times.read_s)
    if JPEG.fullmatch(kind):
        return JpegSnapshots(address, client, answer, b"", times.read_s, times.snapshot_s)
    if NO_STREAM_OF_VIDEO.match(kind):
        raise unreachable(OTHER_KIND)
    head = b"" if kind == TRANSPORT_STREAM else _read_head(answer)
    if kind == TRANSPORT_STREAM or SYNCHRONISED.search(head):
        return StreamOverHttp(address, client, answer, head, times.read_s)
    if is_single:
        return JpegSnapshots(address, client, answer, head, times.read_s, times.snapshot_s)
    return JpegStream(address, client, answer, head, times.read_s)


def _read_head(answer: HttpAnswer) -> bytes:
    """The beginning of a stream of an unknown type, up to where it is a JPEG or a transport stream. CameraError when it
    is neither."""
    head = b""
    while len(head) < MOST_HEAD_BYTES and (piece := answer.read()):
        head += piece
        if START in head or SYNCHRONISED.search(head):
            return head
    raise unreachable(OTHER_KIND)
