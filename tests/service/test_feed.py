"""/video/feed: MJPEG to any number of clients, also to those that never read."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
from collections.abc import Iterator

import pytest

from tests.service.stations import ServiceStation

REQUEST = b"GET /video/feed?quality=high HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = re.compile(rb"Content-Type: image/jpeg\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL)


DEAF = 60
KEPT_THREADS = 16
"""What the pool of requests' threads keeps, however many there were."""


class Viewer:
    def __init__(self, port: int, *, buffer: int = 1 << 20) -> None:
        self.wire = socket.socket()
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.wire.settimeout(10)
        self.wire.connect(("127.0.0.1", port))
        self.wire.sendall(REQUEST)
        self.read = b""

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self.read:
            self._receive()
        head, _, self.read = self.read.partition(b"\r\n\r\n")
        return head

    def _receive(self) -> None:
        received = self.wire.recv(1 << 20)
        assert received, f"The stream has ended: {self.read[-200:]!r}"
        self.read += received

    def pictures(self, count: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < count:
            found += self._next()
        return found

    def _next(self) -> list[bytes]:
        self._receive()
        head = HEAD.search(self.read)
        if head is None or len(self.read) < head.end() + int(head[1]):
            return []
        end = head.end() + int(head[1])
        picture, self.read = self.read[head.end() : end], self.read[end:]
        return [picture]


@pytest.fixture
def viewer(station: ServiceStation) -> Iterator[Viewer]:
    viewer = Viewer(station.service_port)
    yield viewer
    viewer.wire.close()


def test_it_is_a_stream_of_jpegs(viewer: Viewer) -> None:
    assert b"content-type: multipart/x-mixed-replace; boundary=" in viewer.head().lower()
    pictures = viewer.pictures(5)
    assert all(picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9") for picture in pictures)


def test_settings_say_that_it_streams(station: ServiceStation, viewer: Viewer) -> None:
    streaming = (station.ask("GET", "/settings").body["streaming"] for _ in iter(lambda: viewer.pictures(1), []))
    assert any(streaming)


def test_a_client_that_never_reads_costs_no_thread_and_no_memory(station: ServiceStation, viewer: Viewer) -> None:
    viewer.pictures(3)
    service = station.service()
    threads, memory = service.num_threads(), service.memory_info().rss
    with contextlib.ExitStack() as stack:
        for _ in range(DEAF):
            stack.enter_context(contextlib.closing(Viewer(station.service_port, buffer=4096).wire))
        viewer.pictures(60)
        assert service.num_threads() - threads <= KEPT_THREADS + 4
        assert service.memory_info().rss - memory < DEAF * 500_000


def test_captures_go_on_beside_it(station: ServiceStation, viewer: Viewer) -> None:
    viewer.pictures(1)
    assert [station.capture(exposure=1000).status for _ in range(3)] == [200, 200, 200]
    viewer.pictures(1)


def test_head_ends_and_leaves_the_connection_to_the_next_request(station: ServiceStation) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", station.service_port, timeout=15)) as connection:
        connection.request("HEAD", "/video/feed")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_a_bad_quality_is_422(station: ServiceStation) -> None:
    answer = station.ask("GET", "/video/feed?quality=best")
    assert (answer.status, answer.body["detail"][0]["loc"]) == (422, ["query", "quality"])
