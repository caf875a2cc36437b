"""The real server refuses large bodies before it reads them, serves files in constant memory, and survives clients that
leave."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import CaptureFile, StorageRoot
from core.events.models import Event
from skycam_project.access.models import ApiToken, User
from tests.harness.rows.captures import saved
from tests.harness.stations.web_server import BY_HTTPS, Web
from tests.harness.waiting import PATIENCE_S, eventually

MEGABYTE = 1024 * 1024
SIZE = 160 * MEGABYTE
"""Of a file that no buffer holds."""


@pytest.fixture
def web(module_web: Web, transactional_db: None) -> Web:
    return module_web


@pytest.fixture
def token(transactional_db: None) -> dict[str, str]:
    user = User.objects.create_user(username="ada", role="operator")
    return {"Authorization": f"Token {ApiToken.issue(user)[1]}"}


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> CaptureFile:
    path = Path(root.path, "clip.mp4")
    path.touch()
    os.truncate(path, SIZE)
    return CaptureFile.objects.create(
        capture=saved(camera), kind="mp4", host=root.host, root=root, path="clip.mp4", bytes=SIZE,
        sha256="0" * 64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tls_web(django_db_setup: None) -> Iterator[Web]:
    server = Web(SKYCAM_WEB__TLS="true")
    yield server
    server.stop()


@pytest.fixture
def web_behind_proxy(tls_web: Web, transactional_db: None) -> Web:
    return tls_web


def url_of(clip: CaptureFile) -> str:
    return f"/api/v1/captures/{clip.capture_id}/file/"


def test_a_large_file_takes_no_memory(web: Web, token: dict[str, str], clip: CaptureFile) -> None:
    assert web.request("GET", url_of(clip), headers=token | {"Range": "bytes=-10"}) == (206, bytes(10))
    before = web.most_memory()
    status, body = web.request("GET", url_of(clip), headers=token)
    assert status == 200
    assert len(body) == SIZE
    assert web.most_memory() - before < 40 * MEGABYTE


def test_a_disconnected_client_leaves_no_open_file(web: Web, token: dict[str, str], clip: CaptureFile) -> None:
    leaving = web.connection()
    leaving.request("GET", url_of(clip), headers=token)
    leaving.getresponse().read(10)
    assert [path for path in web.descriptors() if path.endswith("clip.mp4")]
    leaving.close()
    eventually(lambda: not [path for path in web.descriptors() if path.endswith("clip.mp4")])


BODIES = [
    ({"Content-Length": str(10 * MEGABYTE)}, b""),
    ({"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n" % (2 * MEGABYTE, bytes(2 * MEGABYTE))),
]


def post(web: Web, path: str, headers: dict[str, str], sent: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer to a request with exactly these headers."""
    connection = web.connection()
    connection.putrequest("POST", path)
    [connection.putheader(name, value) for name, value in headers.items()]
    connection.endheaders(sent)
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(("headers", "sent"), BODIES, ids=["length", "chunked"])
def test_a_large_body_is_refused_before_it_is_read(
    headers: dict[str, str], sent: bytes, web: Web, token: dict[str, str]
) -> None:
    status, _, body = post(web, "/api/v1/cameras/sky/capture/", token | headers, sent)
    assert status == 413
    assert json.loads(body)["type"] == "/problems/too-large"
    assert web.request("GET", "/api/v1/cameras/", headers=token)[0] == 200


@pytest.mark.parametrize("path", ["/accounts/login/", "/nowhere/"])
@pytest.mark.parametrize(("headers", "sent"), BODIES, ids=["length", "chunked"])
def test_a_page_refuses_a_large_body_too(headers: dict[str, str], sent: bytes, path: str, web: Web) -> None:
    message = b"A request's body has at most 1048576 bytes."
    assert post(web, path, headers, sent) == (413, "text/plain; charset=utf-8", message)
    assert web.request("GET", "/accounts/login/")[0] == 200


LINE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
HEADS = [
    LINE + b"X-Many: 12345\r\n" * 6000,
    LINE + b"X-Long: " + b"x" * 80_000,
    b"GET /" + b"x" * 80_000,
]


@pytest.mark.parametrize("head", HEADS, ids=["many", "long", "address"])
def test_a_head_without_an_end_is_refused(head: bytes, web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S) as client_socket:
        client_socket.sendall(head)
        assert client_socket.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert web.request("GET", "/healthz")[0] == 200


CHUNKED = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
TRAILERS = [b"X-Many: 12345\r\n" * 40_000, b"X-Long: " + b"x" * 500_000]
"""Longer than a single read together with the preceding body."""


@pytest.mark.parametrize("trailers", TRAILERS, ids=["many", "long"])
def test_the_length_of_trailers_is_limited_too(trailers: bytes, web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S) as client_socket:
        with contextlib.suppress(ConnectionError):  # the server closes the connection before it has read everything
            client_socket.sendall(CHUNKED + trailers)
        assert client_socket.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert web.request("GET", "/healthz")[0] == 200


def test_trailers_are_not_headers(web: Web) -> None:
    request = CHUNKED.replace(b"/accounts/login/", b"/api/v1/captures/").replace(
        b"\r\n", b"\r\nConnection: close\r\n", 1
    )
    with (
        socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S) as client_socket,
        client_socket.makefile("rb") as answer,
    ):
        client_socket.sendall(request + b"Authorization: Token unheard-of\r\n\r\n")
        assert b"Sign in, or send `Authorization: Token ...`" in answer.read()


def test_the_limit_of_a_head_does_not_add_up_over_requests_of_one_connection(web: Web) -> None:
    client_socket = web.connection()
    for _ in range(3):
        client_socket.request("GET", "/healthz", headers={"X-Long": "x" * 40_000})
        assert client_socket.getresponse().read() == b"ok"
    client_socket.close()


def try_password(web: Web, address: str) -> str:
    """The address that the station recorded for an attempt that claims to come from `address`."""
    body = json.dumps({"username": "ada", "password": "guess"})
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address, **BY_HTTPS}
    assert web.request("POST", "/api/v1/auth/token/", body, headers)[0] == 401
    return str(Event.objects.get(kind="user.denied").data["address"])


def test_no_client_can_forge_the_address_by_which_its_attempts_are_counted(web: Web) -> None:
    assert try_password(web, "203.0.113.9") == "127.0.0.1"


def test_attempts_are_counted_by_the_address_that_the_proxy_names(web_behind_proxy: Web) -> None:
    assert try_password(web_behind_proxy, "203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize(("trusted", "counted"), [("127.0.0.0/8", "203.0.113.9"), ("192.0.2.1", "127.0.0.1")])
def test_a_configured_proxy_is_trusted(transactional_db: None, trusted: str, counted: str) -> None:
    server = Web(SKYCAM_WEB__TRUSTED_PROXIES=trusted)
    try:
        assert try_password(server, "203.0.113.9") == counted
    finally:
        server.stop()


def test_addresses_that_a_client_adds_before_the_proxys_are_not_trusted(web_behind_proxy: Web) -> None:
    assert try_password(web_behind_proxy, "198.51.100.1, 203.0.113.9") == "203.0.113.9"


def test_a_browser_finds_the_icon_without_a_page(anonymous: Any) -> None:
    answer = anonymous.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"].partition("?")[0] == "/static/img/skycam.svg"
