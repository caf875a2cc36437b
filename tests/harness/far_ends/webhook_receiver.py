"""A receiver of web-hooks: a real HTTP server on loopback, which answers as a test wants."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is that of `secret`."""
        fields = [field.partition("=") for field in self.headers["Skycam-Signature"].split(",")]
        at = next(value for name, _, value in fields if name == "t")
        expected = hmac.new(secret.encode(), f"{at}.".encode() + self.body, hashlib.sha256).hexdigest()
        return expected in [value for name, _, value in fields if name == "v1"]


class Request(BaseHTTPRequestHandler):
    server: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(self.path, dict(self.headers), body))
        self.server.answer(self)

    do_PUT = do_POST  # noqa: N815 - as BaseHTTPRequestHandler names them

    def log_message(self, *_: Any) -> None: ...


Answer = Callable[[Request], None]


class WebhookReceiver(ThreadingHTTPServer):
    """`answer` may be replaced at any time. `closing` is set at the end, for answers that wait."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer, self.received = answer, list[Received]()
        self.closing = threading.Event()
        self.scheme = "https" if tls else "http"
        if tls:
            # The handshake in the thread of the request: a client that fails at it must not stop the server.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


@contextmanager
def receiving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(answer, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def status(code: int, content: bytes = b"", **headers: str) -> Answer:
    def answer(request: Request) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Each answer once; the last one from then on."""
    left = list(answers)

    def answer(request: Request) -> None:
        current = left.pop(0) if len(left) > 1 else left[0]
        current(request)

    return answer


def hang(request: Request) -> None:
    """Send nothing until the receiver closes."""
    request.server.closing.wait()


def drip_headers(request: Request) -> None:
    """An answer whose header arrives byte by byte."""
    while not request.server.closing.wait(0.02):
        request.wfile.write(b"H")


def drip_body(request: Request) -> None:
    """A success at once, with a body that arrives byte by byte."""
    request.send_response(200)
    request.end_headers()
    while not request.server.closing.wait(0.02):
        request.wfile.write(b"x")


def server_context(certificate: Path) -> ssl.SSLContext:
    """For a receiver with TLS; the file has the key and its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
