"""/video/feed: MJPEG to any number of clients, also to clients that never read."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator

import pytest

from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

REQUEST = b"GET /video/feed?quality=high HTTP/1.1\r\nHost: localhost\r\n\r\n"

IDLE_CLIENTS = 60
KEPT_PICTURES = 8
"""Buffered pictures of a client that never reads; the number does not grow."""
KEPT_THREADS = 16
"""Threads that the pool of request threads keeps."""


class Viewer:
    def __init__(self, port: int, *, buffer: int = 1 << 20) -> None:
        self.wire = socket.socket()
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.wire.settimeout(PATIENCE_S)
        self.wire.connect(("127.0.0.1", port))
        self.wire.sendall(REQUEST)
        self.answer = http.client.HTTPResponse(self.wire)

    def kind(self) -> str:
        self.answer.begin()
        return self.answer.headers["Content-Type"]

    def pictures(self, count: int) -> list[bytes]:
        return [self._next() for _ in range(count)]

    def _next(self) -> bytes:
        length = next(line for line in iter(self.answer.readline, b"") if line.startswith(b"Content-Length:"))
        list(iter(self.answer.readline, b"\r\n"))
        return self.answer.read(int(length.partition(b":")[2]))

    def close(self) -> None:
        self.answer.close()
        self.wire.close()


def streaming(port: int) -> Viewer | None:
    """None while the camera of a busy machine has no picture yet: the answer is 503."""
    viewer = Viewer(port)
    if viewer.kind().startswith("multipart/x-mixed-replace; boundary="):
        return viewer
    viewer.close()
    return None


@pytest.fixture
def viewer(station: Station) -> Iterator[Viewer]:
    viewer = eventually(lambda: streaming(station.service_port))
    yield viewer
    viewer.close()


def test_the_feed_is_a_stream_of_jpegs(viewer: Viewer) -> None:
    pictures = viewer.pictures(5)
    assert all(picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9") for picture in pictures)


def test_the_settings_say_that_the_camera_streams(station: Station, viewer: Viewer) -> None:
    eventually(lambda: viewer.pictures(1) and station.service.request("GET", "/settings").body["streaming"])


def test_a_client_that_never_reads_uses_no_thread_and_no_memory(station: Station, viewer: Viewer) -> None:
    (picture,) = viewer.pictures(1)
    service = station.part("service")
    threads, memory = service.num_threads(), service.memory_info().rss
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE_CLIENTS):
            stack.enter_context(contextlib.closing(Viewer(station.service_port, buffer=4096).wire))
        viewer.pictures(60)
        assert service.num_threads() - threads <= KEPT_THREADS + 4
        assert service.memory_info().rss - memory < IDLE_CLIENTS * KEPT_PICTURES * len(picture)


def test_captures_continue_during_a_stream(station: Station, viewer: Viewer) -> None:
    viewer.pictures(1)
    assert [station.service.capture(exposure=1000).status for _ in range(3)] == [200, 200, 200]
    viewer.pictures(1)


def test_head_ends_and_the_connection_can_be_used_again(station: Station) -> None:
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", station.service_port, timeout=PATIENCE_S)
    ) as connection:
        connection.request("HEAD", "/video/feed")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_an_invalid_quality_is_422(station: Station) -> None:
    answer = station.service.request("GET", "/video/feed?quality=best")
    assert answer.status == 422
    assert answer.body["detail"][0]["loc"] == ["query", "quality"]
