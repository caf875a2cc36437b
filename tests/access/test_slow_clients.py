"""Slow clients and many clients: the real server disconnects them, and meanwhile answers others."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
import redis

from captures.models import CaptureFile
from skycam_project.access.models import ApiToken, User
from tests.harness.stations.web_server import Web
from tests.harness.waiting import eventually

HEAD_S = 4.0
BODY_S = 4.0
MANY = 500
SLOW_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = (
    b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100\r\n\r\nusername=a"
)


@contextlib.contextmanager
def web_with(**limits: str) -> Iterator[Web]:
    server = Web(**{f"SKYCAM_WEB__LIMITS__{name}": value for name, value in limits.items()})
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def short_web(django_db_setup: None) -> Iterator[Web]:
    """With short times for a head and a body, eight requests at once, and three sockets for each user."""
    requests = {"REQUESTS": "8", "REQUESTS_PER_ADDRESS": "8", "SOCKETS_PER_USER": "3"}
    with web_with(HEAD_S=str(HEAD_S), BODY_S=str(BODY_S), **requests) as server:
        yield server


@pytest.fixture
def web(short_web: Web, transactional_db: None) -> Web:
    return short_web


@pytest.fixture(scope="module")
def narrow_web(django_db_setup: None) -> Iterator[Web]:
    """With ten connections for each address."""
    with web_with(CONNECTIONS_PER_ADDRESS="10") as server:
        yield server


@pytest.fixture
def connections() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def open_connections(web: Web, connections: contextlib.ExitStack, count: int, first: bytes) -> list[socket.socket]:
    found = [
        connections.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=20)) for _ in range(count)
    ]
    [connection.sendall(first) for connection in found]
    return found


def send_bytes(connections: list[socket.socket]) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(b"x")


def is_open(connection: socket.socket) -> bool:
    """Whether the server has neither answered nor closed the connection."""
    return not select.select([connection], [], [], 0)[0]


def seconds_of_a_page(web: Web) -> float:
    began = time.monotonic()
    assert web.request("GET", "/accounts/login/")[0] == 200
    return time.monotonic() - began


@pytest.mark.parametrize("first", [SLOW_HEAD, SLOW_BODY, b""], ids=["heads", "bodies", "silence"])
def test_five_hundred_slow_clients_do_not_block_pages_and_are_disconnected(
    first: bytes, web: Web, connections: contextlib.ExitStack
) -> None:
    seconds_of_a_page(web)
    slow = open_connections(web, connections, MANY, first)
    assert seconds_of_a_page(web) < 3
    send_bytes(slow)
    assert seconds_of_a_page(web) < 3
    eventually(lambda: not any(map(is_open, slow)))
    assert seconds_of_a_page(web) < 3


def test_slow_clients_get_the_reason_and_are_counted(web: Web, connections: contextlib.ExitStack) -> None:
    before = slow_requests(web)
    (head,) = open_connections(web, connections, 1, SLOW_HEAD)
    (body,) = open_connections(web, connections, 1, SLOW_BODY)
    with head.makefile("rb") as answer:
        assert answer.read().startswith(b"HTTP/1.1 408 ")
    with body.makefile("rb") as answer:
        content = answer.read()
    assert content.startswith(b"HTTP/1.1 408 ")
    assert b"retry-after: 5" in content
    assert slow_requests(web) - before == 2


def slow_requests(web: Web) -> float:
    """How many slow requests the server has refused since its start."""
    user, _ = User.objects.get_or_create(username="counting", role="viewer")
    headers = {"Authorization": f"Token {ApiToken.issue(user)[1]}"}
    metrics = web.request("GET", "/api/v1/metrics/", headers=headers)[1].decode()
    return float(metrics.partition('skycam_requests_refused_total{limit="slow requests"} ')[2].split()[0])


def test_a_client_that_sends_single_bytes_is_disconnected(web: Web, connections: contextlib.ExitStack) -> None:
    (slow,) = open_connections(web, connections, 1, SLOW_HEAD)
    began = time.monotonic()
    eventually(lambda: send_bytes([slow]) or not is_open(slow))
    assert time.monotonic() - began > HEAD_S - 1


def test_a_slow_second_request_on_a_connection_is_disconnected_too(web: Web, connections: contextlib.ExitStack) -> None:
    (connection,) = open_connections(
        web, connections, 1, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + SLOW_HEAD
    )
    began = time.monotonic()
    with connection.makefile("rb") as answer:
        assert answer.read().startswith(b"HTTP/1.1 200 ")
    assert HEAD_S - 1 < time.monotonic() - began < HEAD_S + 15  # the socket of the test waits for 20 s


def test_the_connection_that_is_idle_longest_is_closed_for_a_new_one(
    narrow_web: Web, transactional_db: None, connections: contextlib.ExitStack
) -> None:
    slow = open_connections(narrow_web, connections, 10, SLOW_HEAD)
    assert seconds_of_a_page(narrow_web) < 3
    assert [is_open(connection) for connection in slow] == [False] + [True] * 9


def test_an_address_whose_connections_are_all_busy_gets_retry_after(
    narrow_web: Web, transactional_db: None, connections: contextlib.ExitStack
) -> None:
    sockets = open_connections(
        narrow_web, connections, 10, upgrade(ApiToken.issue(User.objects.create_user("ada", role="viewer"))[1])
    )
    [connection.recv(1000) for connection in sockets]
    (refused,) = open_connections(narrow_web, connections, 1, b"")
    with refused.makefile("rb") as answer:
        content = answer.read()
    assert content.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5" in content


def test_a_viewer_who_waits_for_many_thumbnails_holds_few_threads(
    transactional_db: None, valkey: redis.Redis, file: CaptureFile, connections: contextlib.ExitStack
) -> None:
    web = Web()
    connections.callback(web.stop)
    token = ApiToken.issue(User.objects.create_user("ada", role="viewer"))[1]
    seconds_of_a_page(web)
    before = psutil.Process(web.process.pid).num_threads()
    line = f"GET /api/v1/captures/{file.capture_id}/thumbnail/ HTTP/1.1\r\nHost: localhost\r\n"
    waiting = open_connections(web, connections, 120, f"{line}Authorization: Token {token}\r\n\r\n".encode())
    assert seconds_of_a_page(web) < 3
    assert psutil.Process(web.process.pid).num_threads() - before <= 40
    lines = [status_line(connection) for connection in waiting]
    assert set(lines) == {b"HTTP/1.1 503 Service Unavailable"}


def upgrade(token: str) -> bytes:
    return (
        b"GET /ws/status/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: Token " + token.encode() + b"\r\n\r\n"
    )


def status_line(connection: socket.socket) -> bytes:
    return connection.recv(1000).partition(b"\r\n")[0]


SWITCHED = b"HTTP/1.1 101 Switching Protocols"


def test_the_sockets_of_one_user_are_limited_and_a_closed_one_frees_its_slot(
    web: Web, connections: contextlib.ExitStack
) -> None:
    ada, bob = (ApiToken.issue(User.objects.create_user(name, role="viewer"))[1] for name in ("ada", "bob"))
    first, *others = open_connections(web, connections, 3, upgrade(ada))
    assert [status_line(connection) for connection in (first, *others)] == [SWITCHED] * 3
    (fourth,) = open_connections(web, connections, 1, upgrade(ada))
    assert status_line(fourth) == b"HTTP/1.1 403 Forbidden"
    assert status_line(open_connections(web, connections, 1, upgrade(bob))[0]) == SWITCHED
    first.close()
    eventually(lambda: status_line(open_connections(web, connections, 1, upgrade(ada))[0]) == SWITCHED)
