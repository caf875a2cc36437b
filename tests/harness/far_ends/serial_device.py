"""A microcontroller on a pseudo-terminal, which sends the bytes that a test wants."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from tests.harness.far_ends.pseudo_terminal import PseudoTerminal

EVERY_S = 0.05


class SerialDevice(PseudoTerminal):
    """`lines` are repeated until `stop_sending` or `close`; the first of them as soon as the device exists."""

    def __init__(self, *lines: bytes) -> None:
        super().__init__()
        self._lines = lines
        self._stopping = threading.Event()
        self._sender = threading.Thread(target=self._repeat, name="serial-device", daemon=True)
        self._sender.start()

    def send_parts(self, parts: Iterable[bytes]) -> None:
        """Each part is a write of its own."""
        for part in parts:
            self.send(part)

    def stop_sending(self) -> None:
        self._stopping.set()
        self._sender.join()

    def close(self) -> None:
        self.stop_sending()
        super().close()

    def _repeat(self) -> None:
        while self._lines and not self._stopping.wait(EVERY_S):
            for line in self._lines:
                self.send(line)
