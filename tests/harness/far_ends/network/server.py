"""The base of all servers: a free port on loopback, a thread for each client, and a mood."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Self

from tests.harness.waiting import PATIENCE_S


class Server:
    """`mood` says how it behaves from the next picture on, and may be changed at any time; `fps` how fast it sends.

    `due` has for each number when its picture was captured, as its time stamp says, and `sent` when it went out; both
    in seconds of the monotonic clock.
    """

    scheme = "tcp"
    path = ""

    def __init__(self, fps: int = 40, mood: str = "good") -> None:
        self.fps, self.mood = fps, mood
        self.due: dict[int, float] = {}
        self.sent: dict[int, float] = {}
        self.clients = 0
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def address(self) -> str:
        return self.with_login("")

    def with_login(self, login: str) -> str:
        return f"{self.scheme}://{login}127.0.0.1:{self.port}{self.path}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop like a machine that lost its power: only the kernel informs the clients."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def hang_up(self) -> None:
        for client in self._sockets:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def numbers(self, count: int) -> Iterator[int]:
        """Numbers from 0, repeatedly, each when it is due, until the server closes; none while it stalls."""
        began = time.monotonic()
        for picture in itertools.count():
            due = began + (picture + 1) / self.fps
            if self._closing.wait(max(0.0, due - time.monotonic())):
                return
            if self.mood != "stall":
                self.due[picture % count], self.sent[picture % count] = due, time.monotonic()
                yield picture % count

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.clients += 1
            self._sockets.append(client)
            self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.mood == "mute":
                self._closing.wait()
            self.serve(client)
