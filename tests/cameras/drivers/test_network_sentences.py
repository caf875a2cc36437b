"""What is said about a network camera that does not work: what happened, and nothing else."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator

import av
import pytest

from cameras.drivers.base import CameraError, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.addresses import NetworkTimes
from cameras.drivers.network.errors import opening_failed, reading_failed
from cameras.drivers.network.jpeg_connection import MOST_BYTES, START
from core.outgoing import OutgoingGuard
from tests.harness.far_ends.network.http import HttpServer, MjpegServer, TransportStreamServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server
from tests.harness.waiting import PATIENCE_S

FFMPEG = {kind: getattr(av.error, kind)(1, "rtsp://me:sesame@camera/") for kind in ("InvalidDataError", "ExitError")}
SILENT = r"was silent for (\d+) s"
NOTHING = r"sent nothing for (\d+) s"
Soon = Callable[[], float]


class LargeServer(MjpegServer):
    """Its pictures have no end."""

    def piece(self, number: int) -> bytes:
        return START + b"\xda\0\2" + bytes(MOST_BYTES)


class TalkativeServer(Server):
    """It does not wait for a request, and speaks another protocol."""

    scheme, path = "http", "/"

    def serve(self, client: socket.socket) -> None:
        client.sendall(b"220 camera FTP server ready\r\n")
        self._closing.wait()


class ResettingServer(MjpegServer):
    """It resets the connection in mood `reset`."""

    def piece(self, number: int) -> bytes:
        if self.mood == "reset":
            self._sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sockets[-1].close()
        return super().piece(number)


@pytest.fixture
def camera_at(clock: SystemClock) -> Iterator[Callable[..., NetworkDriver]]:
    cameras: list[NetworkDriver] = []

    def make(server: Server, **times: float) -> NetworkDriver:
        cameras.append(NetworkDriver(server.address, clock, NetworkTimes(**times)))
        return cameras[-1]

    yield make
    for camera in cameras:
        camera.close()


CameraAt = Callable[..., NetworkDriver]


def read_on(camera: NetworkDriver) -> None:
    """Read frames as the camera loop does: for a moment each time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        camera.frame(camera.clock.monotonic() + 0.5)


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(CameraError) as error:
        call()
    assert error.value.reason == "camera_unreachable"
    return str(error.value)


@pytest.mark.parametrize(
    ("mood", "read_s", "sentence"),
    [
        ("end", PATIENCE_S, "ended the stream"),
        ("rubbish", PATIENCE_S, "sends data, but no whole picture"),
        ("stall", 1.5, SILENT),
        ("stall inside", 1.5, SILENT),
        ("reset", PATIENCE_S, "broke off the connection"),
    ],
)
def test_a_stream_that_ends_says_how(mood: str, read_s: float, sentence: str, camera_at: CameraAt, soon: Soon) -> None:
    with ResettingServer() as server:
        camera = camera_at(server, read_s=read_s, pictureless_s=2.0)
        camera.open(soon())
        server.mood = mood
        assert re.search(sentence, error_of(lambda: read_on(camera)))


@pytest.mark.slow
def test_silence_is_reported_as_long_as_it_was(camera_at: CameraAt, soon: Soon) -> None:
    """FFmpeg may give up an RTSP camera after twice the time only."""
    with RtspServer(fps=20) as server:
        camera = camera_at(server, read_s=1.2)
        camera.open(soon())
        server.mood = "stall"
        found = re.search(SILENT, error_of(lambda: read_on(camera)))
    assert found is not None
    assert 1 <= int(found[1]) <= time.monotonic() - max(server.sent.values()) + 1


@pytest.mark.parametrize("kind", [RtspServer, MjpegServer])
def test_a_camera_that_accepts_and_says_nothing_is_said_to_send_nothing(
    kind: type[RtspServer | MjpegServer], camera_at: CameraAt, soon: Soon
) -> None:
    with kind(mood="mute") as server:
        assert re.search(NOTHING, error_of(lambda: camera_at(server, open_s=1.0).open(soon())))


def test_a_camera_that_speaks_another_protocol_is_said_to(camera_at: CameraAt, soon: Soon) -> None:
    with TalkativeServer() as server:
        assert "does not answer in the protocol of its address" in error_of(lambda: camera_at(server).open(soon()))


def test_a_picture_without_an_end_is_said_to_be_too_large(camera_at: CameraAt, soon: Soon) -> None:
    with LargeServer() as server:
        camera = camera_at(server, first_s=PATIENCE_S, pictureless_s=PATIENCE_S)
        assert "sends a picture of more than 32 MB" in error_of(lambda: camera.open(soon()))


@pytest.mark.parametrize("kind", [RtspServer, HttpServer, TransportStreamServer])
def test_a_name_that_is_not_known_is_said_to_be(kind: type[Server], clock: SystemClock, soon: Soon) -> None:
    camera = NetworkDriver(f"{kind.scheme}://camera.invalid/live", clock)
    camera.set_connection_guard(OutgoingGuard(resolver=unknown))
    assert "has a host name that is not known" in error_of(lambda: camera.open(soon()))


def unknown(host: str, port: int, **_: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FFMPEG["InvalidDataError"], "sends data that is no video, or damaged"),
        (FFMPEG["ExitError"], "was silent for 7 s"),
        (TimeoutError(), "was silent for 7 s"),
        (ConnectionResetError(), "broke off the connection"),
        (BrokenPipeError(), "broke off the connection"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "the network has no way to its address"),
        (ssl.SSLError(1, "bad record mac"), "does not agree to an encrypted connection"),
        (RuntimeError("me:sesame"), "lost the connection (RuntimeError)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_of_an_open_connection_has_its_sentence(error: Exception, sentence: str) -> None:
    said = str(reading_failed(error, 7.2))
    assert sentence in said
    assert "sesame" not in said
    assert ("silent" in said) == ("silent" in sentence)


@pytest.mark.parametrize(
    ("error", "waited_s", "sentence"),
    [
        (FFMPEG["InvalidDataError"], 0.1, "sends data that is no video, or damaged"),
        (FFMPEG["InvalidDataError"], 5.0, "sent nothing for 5 s"),
        (FFMPEG["ExitError"], 4.6, "sent nothing for 5 s"),
        (TimeoutError(), 2.1, "sent nothing for 2 s"),
        (ConnectionRefusedError(), 0.1, "refuses the connection"),
        (ConnectionResetError(), 0.1, "broke off the connection"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), 0.1, "the network has no way to its address"),
        (ssl.SSLCertVerificationError(1, "self-signed"), 0.1, "a certificate that this machine does not trust"),
        (OSError(errno.EIO, "Input/output error"), 0.1, "end its address with #unverified"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_of_opening_has_its_sentence(error: Exception, waited_s: float, sentence: str) -> None:
    said = str(opening_failed("rtsps://me:sesame@camera/", error, waited_s, 5.0))
    assert sentence in said
    assert "sesame" not in said
