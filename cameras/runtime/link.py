"""The line to the Supervisor: JSON lines down on stdin, up on what was stdout.

The end of stdin is the order to finish and exit.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

MOST_LINE_BYTES = 1 << 20


class Link:
    def __init__(self) -> None:
        """Takes stdout for itself: whatever a library prints goes to stderr from now on."""
        self._down: BinaryIO = sys.stdin.buffer
        up = os.dup(1)
        os.dup2(2, 1)
        self._up = os.fdopen(up, "wb", buffering=0)
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any] | None:
        """The next message; None at the end. ValueError for a line that is no JSON object."""
        line = self._down.readline(MOST_LINE_BYTES)
        if not line:
            return None
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("A message on the link is a JSON object.")
        return message

    def send(self, kind: str, /, **fields: Any) -> None:
        """Say something. A Supervisor that is gone is no error: the camera process finishes by the link's end."""
        line = json.dumps({"type": kind, **fields}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._up.write(line)
            except BrokenPipeError:
                return

    def listen(self, take: Callable[[dict[str, Any]], None], ended: Callable[[], None]) -> threading.Thread:
        """Hand each message to `take` on a thread of its own, and the end to `ended`."""

        def run() -> None:
            try:
                while (message := self.read()) is not None:
                    take(message)
            finally:
                ended()

        thread = threading.Thread(target=run, name="link", daemon=True)
        thread.start()
        return thread
