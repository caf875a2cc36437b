"""An HTTP proxy in front of an S3 server that misbehaves as a test says. It speaks HTTP/1.1 with Content-Length, one
request for each connection."""

from __future__ import annotations

import base64
import hashlib
import http.client
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.harness.waiting import PATIENCE_S

ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>as the test wants</Message></Error>"


@dataclass(slots=True)
class Request:
    """`body` may be changed before it is passed on."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_upload(self) -> bool:
        return self.method == "PUT"

    @property
    def is_part(self) -> bool:
        return self.is_upload and "partNumber=" in self.path


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The bytes of its body before the connection breaks; None: it does not."""


class Cut(Exception):
    """The connection is cut without an answer."""


Fault = Callable[[Request], "Answer | None"]
"""Called with each request: it may change it, answer it instead of the server, sleep, or raise Cut."""


class FaultyProxy:
    """`seen` are the requests, as method and path; `bytes` their bodies. With `pause_s`, it answers ten bytes at a time
    with a pause between them. `faults` are asked in turn; the first answer counts."""

    def __init__(self, port: int) -> None:
        self.backend, self.faults = port, list[Fault]()
        self.seen: list[str] = []
        self.bytes, self.pause_s = 0, 0.0
        self._server = self._start(0)
        self.port = int(self._server.server_address[1])

    def _start(self, port: int) -> ThreadingHTTPServer:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words: object) -> None: ...

        for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
            setattr(Handler, f"do_{method}", lambda handler: proxy.serve(handler))
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.command, handler.path, dict(handler.headers.items()), body)
        self.seen.append(f"{request.method} {request.path}")
        self.bytes += len(body)
        try:
            found = next(filter(None, (fault(request) for fault in self.faults)), None)
            answer = found or self.forward(request)
        except (Cut, OSError):
            return
        handler.send_response_only(answer.status)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
        length = kept.pop("Content-Length", str(len(answer.body))) if request.method == "HEAD" else len(answer.body)
        for name, value in {**kept, "Content-Length": str(length), "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        for chunk in self._pieces(b"" if request.method == "HEAD" else answer.body[: answer.cut_after]):
            handler.wfile.write(chunk)
            time.sleep(self.pause_s)

    def _pieces(self, body: bytes) -> list[bytes]:
        return [body[place : place + 10] for place in range(0, len(body), 10)] if self.pause_s else [body]

    def forward(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        with closing(http.client.HTTPConnection("127.0.0.1", self.backend, timeout=PATIENCE_S)) as connection:
            connection.request(request.method, request.path, request.body, headers)
            with closing(connection.getresponse()) as found:
                return Answer(found.status, found.read(), dict(found.getheaders()))

    def stop(self) -> None:
        """From now on nobody listens at the port."""
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        self._server = self._start(self.port)


HOP = {"connection", "transfer-encoding", "expect", "date", "server"}


# Faults


def once(fault: Fault, when: Callable[[Request], bool] = lambda request: request.is_upload) -> Fault:
    """The fault for the first request that `when` fits."""
    left = [fault]

    def fault_once(request: Request) -> Answer | None:
        return left.pop()(request) if left and when(request) else None

    return fault_once


def corrupt(request: Request) -> None:
    """One bit is wrong, as after a fault of memory or network that no checksum of TCP finds."""
    middle = len(request.body) // 2
    request.body = request.body[:middle] + bytes([request.body[middle] ^ 1]) + request.body[middle + 1 :]


def fail(status: int, code: bytes) -> Fault:
    return lambda request: Answer(status, ERROR % code, {"Content-Type": "application/xml"})


def repeat(secret: str) -> Fault:
    """The server says in its refusal what it was sent, and a secret that it knows."""

    def refuse(request: Request) -> Answer:
        sent = next((value for name, value in request.headers.items() if name.lower() == "authorization"), "")
        said = ERROR.replace(b"as the test wants", f"{secret} {sent}".encode()) % b"AccessDenied"
        return Answer(403, said, {"Content-Type": "application/xml"})

    return refuse


def cut(request: Request) -> Answer | None:
    raise Cut


def hang(seconds: float) -> Fault:
    def sleep(request: Request) -> Answer | None:
        time.sleep(seconds)
        raise Cut

    return sleep


def forget_part(request: Request) -> Answer:
    """The part is acknowledged and not kept."""
    tag = hashlib.md5(request.body).hexdigest()
    return Answer(200, b"", {"ETag": f'"{tag}"'})


def redirect_to(address: str) -> Fault:
    content = ERROR % b"TemporaryRedirect"
    return lambda request: Answer(307, content, {"Location": address, "Content-Type": "application/xml"})


def compare_sha256(request: Request) -> Answer | None:
    """As servers do that compute the checksum of what they received."""
    wanted = {name.lower(): value for name, value in request.headers.items()}.get("x-amz-checksum-sha256")
    if not request.is_upload or wanted in {None, base64.b64encode(hashlib.sha256(request.body).digest()).decode()}:
        return None
    return Answer(400, ERROR % b"BadDigest", {"Content-Type": "application/xml"})


def refuse_checksums(request: Request) -> Answer | None:
    """As servers do that do not know the checksums which newer clients send."""
    names = {name.lower() for name in request.headers}
    if not any(name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum-")) for name in names):
        return None
    return Answer(501, ERROR % b"NotImplemented", {"Content-Type": "application/xml"})


def only_in_region(region: str) -> Fault:
    """As servers do whose bucket is in this region: by what the request is signed for."""
    content = b"<?xml version='1.0'?><Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message>"
    content += b"<Region>%s</Region></Error>" % region.encode()

    def refuse(request: Request) -> Answer | None:
        signed = f"/{region}/s3/aws4_request" in request.headers.get("Authorization", "")
        return None if signed else Answer(400, content, {"Content-Type": "application/xml"})

    return refuse
