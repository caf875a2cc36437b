"""An HTTP weather station on loopback, which answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class WeatherStation(ThreadingHTTPServer):
    """`answer` may be replaced at any time. `requests` are (path with query, headers)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, document: Any = None, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: Callable[[Request], None] = json_answer(document, status)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self._is_closed = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/now"

    def __exit__(self, *_: object) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Also twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class Request(BaseHTTPRequestHandler):
    server: WeatherStation

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def log_message(self, *_: Any) -> None: ...


def json_answer(document: Any, status: int = 200) -> Callable[[Request], None]:
    return bytes_answer(json.dumps(document).encode(), status)


def bytes_answer(content: bytes, status: int = 200, **headers: str) -> Callable[[Request], None]:
    def answer(request: Request) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)

    return answer
