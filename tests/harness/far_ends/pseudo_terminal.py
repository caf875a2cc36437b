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
from typing import Self

CLOSED_S = 0.005
"""How often it is looked whether a program has opened the port."""


class PseudoTerminal:
    """`port` is its path, as that of a serial port. `receive` is called for what the program writes.

    With `forgets`, the port loses its settings when a program closes it. digitemp needs that: glibc refuses settings
    that differ from those of the program before in the data bits alone (EINVAL), because a pseudo-terminal always has
    eight; a serial port takes them.
    """

    def __init__(self, *, forgets: bool = False) -> None:
        self._device, self._kept = pty.openpty()
        tty.setraw(self._kept)
        self._settings = termios.tcgetattr(self._kept)
        self.port = os.ttyname(self._kept)
        self._forgets = forgets
        if forgets:
            os.close(self._kept)
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
        for descriptor in (self._device, self._wake, self._stop, *(() if self._forgets else (self._kept,))):
            os.close(descriptor)

    def _serve(self) -> None:
        was_open = True
        while True:
            readable, _, _ = select.select([self._device, self._wake], [], [])
            if self._wake in readable:
                return
            try:
                content = os.read(self._device, 4096)
            except OSError:
                # No program has the port open. Once: the next one may be about to set its own settings.
                if was_open:
                    self._forget_settings()
                was_open = False
                select.select([self._wake], [], [], CLOSED_S)
            else:
                was_open = True
                self.receive(content)

    def _forget_settings(self) -> None:
        port = os.open(self.port, os.O_RDWR | os.O_NOCTTY)
        termios.tcsetattr(port, termios.TCSANOW, self._settings)
        os.close(port)
