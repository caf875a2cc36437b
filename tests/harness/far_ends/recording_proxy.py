"""A proxy on loopback that records all bytes of both directions, as somebody on the network could."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import Any, Self


class RecordingProxy:
    """Passes each connection on to a port of this machine. `seen` is what crossed it."""

    def __init__(self, to_port: int) -> None:
        self.seen = b""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._pass_on(self.request, to_port)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, client: Any, to_port: int) -> None:
        with socket.create_connection(("127.0.0.1", to_port)) as server:
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65_536):
            self.seen += data
            target.sendall(data)
