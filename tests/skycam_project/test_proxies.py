"""The files of deploy/ for nginx and Caddy: both proxies run with them in front of the web part, with TLS, and the
documents have their text."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.documents.pages import page
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.far_ends.ports import accepts
from tests.harness.project import PROJECT
from tests.harness.stations.station import free_port
from tests.harness.stations.web_server import Web
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow
NGINX, CADDY = "deploy/nginx/skycam.conf", "deploy/caddy/Caddyfile"
PAGE = "docs/station/running.md"
CADDY_OPTIONS = "{\n    auto_https disable_redirects\n    admin off\n}\n"
"""Ports of the test, and nothing outside of its folder."""
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@contextmanager
def running(command: list[str], log: Path, port: int, **variables: str) -> Iterator[int]:
    with open(log, "wb") as file:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=file, stderr=file)
    try:
        eventually(lambda: accepts(port), log.read_text)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[int]:
    pair, port = certificate(folder, "station.example.org"), free_port()
    text = (PROJECT / NGINX).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
    text = text.replace("/etc/ssl/skycam/certificate.pem", str(pair)).replace("/etc/ssl/skycam/key.pem", str(pair))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; user root; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary} {text} }}\n"
    )
    with running(["/usr/sbin/nginx", "-c", str(configuration)], folder / "nginx.log", port):
        yield port


@contextmanager
def caddy(folder: Path, upstream: int) -> Iterator[int]:
    pair, port = certificate(folder, "station.example.org"), free_port()
    text = (PROJECT / CADDY).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    # A name that is not public gets no certificate from an authority.
    text = text.replace("    reverse_proxy", f"    tls {pair} {pair}\n    reverse_proxy")
    configuration = folder / "Caddyfile"
    configuration.write_text(CADDY_OPTIONS + text)
    command = ["caddy", "run", "--config", str(configuration), "--adapter", "caddyfile"]
    variables = {"STATION_NAME": f"https://station.example.org:{port}", "XDG_DATA_HOME": str(folder)}
    with running(command, folder / "caddy.log", port, XDG_CONFIG_HOME=str(folder), **variables):
        yield port


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[Web]:
    """It is told to be behind a proxy with TLS."""
    server = Web(SKYCAM_WEB__TLS="true", SKYCAM_WEB__ALLOWED_HOSTS="station.example.org")
    yield server
    server.stop()


Get = Callable[..., http.client.HTTPResponse]


@pytest.fixture(params=[nginx, caddy])
def get(request: pytest.FixtureRequest, web: Web, transactional_db: None, tmp_path: Path) -> Iterator[Get]:
    """Requests of a browser, through the proxy."""
    with request.param(tmp_path, web.port) as port:
        trusting = ssl.create_default_context(cafile=tmp_path / "camera.pem")

        def send(path: str, **headers: str) -> http.client.HTTPResponse:
            connection = ByName("127.0.0.1", port, context=trusting, timeout=PATIENCE_S)
            connection.request("GET", path, headers={"Host": "station.example.org", **headers})
            answer = connection.getresponse()
            answer.read(0 if answer.status == 101 else None)
            connection.close()
            return answer

        yield send


class ByName(http.client.HTTPSConnection):
    """To 127.0.0.1, with the name of the station in the handshake."""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname="station.example.org")


def test_a_page_behind_the_proxy_is_one_of_https(get: Get) -> None:
    answer = get("/accounts/login/")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"]
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_websocket_reaches_the_station_through_the_proxy(get: Get) -> None:
    # Without the headers of an upgrade it would be a page that does not exist.
    assert get("/ws/status/", **UPGRADE).status in {101, 403}


def test_a_client_cannot_claim_another_protocol(get: Get) -> None:
    assert get("/accounts/login/", **{"X-Forwarded-Proto": "http"}).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_of_the_web_server_itself_is_not_redirected(web: Web, transactional_db: None, path: str) -> None:
    assert web.request("GET", path)[0] in {200, 503}
    assert web.request("GET", "/accounts/login/")[0] == 301


@pytest.mark.parametrize("path", [NGINX, CADDY])
def test_the_document_has_the_text_of_the_file(path: str) -> None:
    assert (PROJECT / path).read_text() in page(PAGE)
