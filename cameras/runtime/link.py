"""The link to the Supervisor: JSON lines, received on stdin and sent on the original stdout.

The end of stdin is the command to finish and exit.
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
        """Reserve stdout for the link: from now on, the output of libraries goes to stderr."""
        self._down: BinaryIO = sys.stdin.buffer
        up = os.dup(1)
        os.dup2(2, 1)
        self._up = os.fdopen(up, "wb", buffering=0)
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any] | None:
        """The next message; None at the end. ValueError for a line that is not a JSON object."""
        line = self._down.readline(MOST_LINE_BYTES)
        if not line:
            return None
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("A message on the link is a JSON object.")
        return message

    def send(self, kind: str, /, **fields: Any) -> None:
        """Send a message. No error when the Supervisor is gone: the end of stdin then ends this process."""
        line = json.dumps({"type": kind, **fields}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._up.write(line)
            except BrokenPipeError:
                return

    def listen(self, handle: Callable[[dict[str, Any]], None], ended: Callable[[], None]) -> threading.Thread:
        """On its own thread: call `handle` with each message, and `ended` at the end."""

        def run() -> None:
            try:
                while (message := self.read()) is not None:
                    handle(message)
            finally:
                ended()

        thread = threading.Thread(target=run, name="link", daemon=True)
        thread.start()
        return thread
