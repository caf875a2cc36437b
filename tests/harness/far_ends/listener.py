"""A server that someone has put in the place of another one: it records what it is sent, and answers nothing."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Listener(socketserver.ThreadingTCPServer):
    """`received` is all bytes of all connections; `port` of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        self.received = bytearray()
        super().__init__(("127.0.0.1", 0), Recorder)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Recorder(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Listener)
        while content := self.request.recv(4096):
            self.server.received += content


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
