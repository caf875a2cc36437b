"""A controller that answers each connection with the pieces that a test names."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Self

from tests.harness.waiting import PATIENCE_S


class ScriptedController:
    """Listens on a port of the loopback. `answers`: for each connection its pieces, which are sent one by one; the last
    answer repeats. It closes a connection after the answer, or leaves that to the client."""

    def __init__(self, answers: Sequence[Sequence[bytes]], *, closes: bool) -> None:
        self._answers, self._closes = list(answers), closes
        self.commands: list[bytes] = []
        self.open_connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="scripted-controller", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Ends the `accept` of the thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(ConnectionError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open_connections += 1
        self.commands.append(connection.recv(1024))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        for piece in answer:
            connection.sendall(piece)
        if not self._closes:
            # Until the client closes.
            connection.recv(1)
        self.open_connections -= 1


@contextlib.contextmanager
def controller_answering(*pieces: bytes, closes: bool) -> Iterator[ScriptedController]:
    with ScriptedController([pieces], closes=closes) as controller:
        yield controller
