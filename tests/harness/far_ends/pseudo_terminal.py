"""A serial device on a pseudo-terminal: what a program writes to its port is answered by a thread."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import sys
import termios
import threading
import tty
from contextlib import suppress
from typing import Self

IDLE_S = 0.2


class PseudoTerminal:
    """`port` is its path, as that of a serial port. `receive` is called for what the program writes."""

    def __init__(self) -> None:
        self._device, self._kept = pty.openpty()
        tty.setraw(self._kept)
        self._settings = termios.tcgetattr(self._kept)
        self.port = os.ttyname(self._kept)
        self._wake, self._stop = os.pipe()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="pseudo-terminal", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, content: bytes) -> None:
        """Nothing is answered."""

    def send(self, content: bytes) -> None:
        os.write(self._device, content)

    @property
    def unread_bytes(self) -> int:
        """What the program has not read yet, of what was sent."""
        return int.from_bytes(fcntl.ioctl(self._kept, termios.FIONREAD, bytes(4)), sys.byteorder)

    def close(self) -> None:
        """Unplugged: the port is gone, and an open one fails. Also twice."""
        if self._closed:
            return
        self._closed = True
        os.write(self._stop, b".")
        self._thread.join()
        for descriptor in (self._device, self._kept, self._wake, self._stop):
            os.close(descriptor)

    def _serve(self) -> None:
        while True:
            readable, _, _ = select.select([self._device, self._wake], [], [], IDLE_S)
            if self._wake in readable:
                return
            # A program leaves its settings to the next one. If those differ in the data bits alone, glibc refuses them
            # (EINVAL), because a pseudo-terminal always has eight; a serial port takes them. Before each answer: a
            # program that has got it may end, and the next one begin, before this thread runs again.
            termios.tcsetattr(self._kept, termios.TCSANOW, self._settings)
            if readable:
                with suppress(OSError):
                    self.receive(os.read(self._device, 4096))
