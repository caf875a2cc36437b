"""Slow clients and many clients: the real server disconnects them, and meanwhile answers others."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

import psutil
import pytest
import redis

from captures.models import CaptureFile
from skycam_project.access.models import ApiToken, User
from tests.harness.stations.web_server import Web
from tests.harness.waiting import PATIENCE_S, eventually

SHORT_S = 2.0
"""How long a server waits for a head or a body of clients that are to be disconnected."""
LONG_S = 600.0
"""How long it waits for those that are not."""
MANY = 500
SLOW_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
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
    """With short times for a head and a body."""
    with web_with(HEAD_S=str(SHORT_S), BODY_S=str(SHORT_S)) as server:
        yield server


@pytest.fixture
def impatient_web(short_web: Web, transactional_db: None) -> Web:
    return short_web


@pytest.fixture(scope="module")
def long_web(django_db_setup: None) -> Iterator[Web]:
    """With long times for a head and a body, eight requests at once, three sockets for each user, and room for all
    connections of a test."""
    requests = {"REQUESTS": "8", "REQUESTS_PER_ADDRESS": "8", "SOCKETS_PER_USER": "3"}
    with web_with(HEAD_S=str(LONG_S), BODY_S=str(LONG_S), CONNECTIONS_PER_ADDRESS=str(2 * MANY), **requests) as server:
        yield server


@pytest.fixture
def web(long_web: Web, transactional_db: None) -> Web:
    return long_web


@pytest.fixture(scope="module")
def narrow_web(django_db_setup: None) -> Iterator[Web]:
    """With ten connections for each address."""
    with web_with(CONNECTIONS_PER_ADDRESS="10", HEAD_S=str(LONG_S)) as server:
        yield server


@pytest.fixture
def connections() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def open_connections(web: Web, connections: contextlib.ExitStack, count: int, first: bytes) -> list[socket.socket]:
    found = [
        connections.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S))
        for _ in range(count)
    ]
    [connection.sendall(first) for connection in found]
    return found


def send_bytes(connections: list[socket.socket]) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(b"G")  # within a head or a body, or the first one of GET


def is_open(connection: socket.socket) -> bool:
    """Whether the server has neither answered nor closed the connection."""
    return not select.select([connection], [], [], 0)[0]


def get_page(web: Web) -> None:
    assert web.request("GET", "/accounts/login/")[0] == 200


def open_slow(web: Web, connections: contextlib.ExitStack, count: int) -> list[socket.socket]:
    """Slow heads, slow bodies and silence, by turns."""
    parts = (SLOW_HEAD, SLOW_BODY, b"")
    return [open_connections(web, connections, 1, parts[number % len(parts)])[0] for number in range(count)]


def test_five_hundred_slow_clients_do_not_block_pages(web: Web, connections: contextlib.ExitStack) -> None:
    slow = open_slow(web, connections, MANY)
    get_page(web)
    send_bytes(slow)
    get_page(web)
    assert all(map(is_open, slow))  # the pages did not wait until these were disconnected


@pytest.mark.slow
def test_slow_clients_are_disconnected(impatient_web: Web, connections: contextlib.ExitStack) -> None:
    slow = open_slow(impatient_web, connections, 30)
    eventually(lambda: not any(map(is_open, slow)))
    get_page(impatient_web)


def test_slow_clients_get_the_reason_and_are_counted(impatient_web: Web, connections: contextlib.ExitStack) -> None:
    before = slow_requests(impatient_web)
    (head,) = open_connections(impatient_web, connections, 1, SLOW_HEAD)
    (body,) = open_connections(impatient_web, connections, 1, SLOW_BODY)
    with head.makefile("rb") as answer:
        assert answer.read().startswith(b"HTTP/1.1 408 ")
    with body.makefile("rb") as answer:
        content = answer.read()
    assert content.startswith(b"HTTP/1.1 408 ")
    assert b"retry-after: 5" in content
    assert slow_requests(impatient_web) - before == 2


def slow_requests(web: Web) -> float:
    """How many slow requests the server has refused since its start; its metric begins with the first one."""
    user, _ = User.objects.get_or_create(username="counting", role="viewer")
    headers = {"Authorization": f"Token {ApiToken.issue(user)[1]}"}
    metrics = web.request("GET", "/api/v1/metrics/", headers=headers)[1].decode()
    counted = metrics.partition('skycam_requests_refused_total{limit="slow requests"} ')[2]
    return float(counted.split()[0]) if counted else 0.0


def test_a_client_that_sends_single_bytes_is_disconnected(
    impatient_web: Web, connections: contextlib.ExitStack
) -> None:
    (slow,) = open_connections(impatient_web, connections, 1, SLOW_HEAD)
    eventually(lambda: send_bytes([slow]) or not is_open(slow))


def test_a_slow_second_request_on_a_connection_is_disconnected_too(
    impatient_web: Web, connections: contextlib.ExitStack
) -> None:
    (connection,) = open_connections(impatient_web, connections, 1, HEALTHZ)
    with connection.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
        connection.sendall(SLOW_HEAD)
        assert b"HTTP/1.1 408 " in answer.read()


def test_the_connection_that_is_idle_longest_is_closed_for_a_new_one(
    narrow_web: Web, transactional_db: None, connections: contextlib.ExitStack
) -> None:
    first, *others = open_connections(narrow_web, connections, 10, SLOW_HEAD)
    get_page(narrow_web)
    eventually(lambda: not is_open(first))
    assert all(map(is_open, others))


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


@pytest.mark.slow
def test_a_viewer_who_waits_for_many_thumbnails_holds_few_threads(
    transactional_db: None, valkey: redis.Redis, file: CaptureFile, connections: contextlib.ExitStack
) -> None:
    web = Web()
    connections.callback(web.stop)
    token = ApiToken.issue(User.objects.create_user("ada", role="viewer"))[1]
    get_page(web)
    before = psutil.Process(web.process.pid).num_threads()
    line = f"GET /api/v1/captures/{file.capture_id}/thumbnail/ HTTP/1.1\r\nHost: localhost\r\n"
    waiting = open_connections(web, connections, 120, f"{line}Authorization: Token {token}\r\n\r\n".encode())
    get_page(web)
    assert psutil.Process(web.process.pid).num_threads() - before <= 40
    assert status_line(waiting[0]) == b"HTTP/1.1 503 Service Unavailable"


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
