"""The link to the Supervisor: JSON lines, received on stdin and sent on the original stdout.

The end of stdin is the command to finish and exit.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from cameras.runtime.messages import Command, Report
from cameras.runtime.spec import Spec
from core.text.sentences import with_mentions

# Without a bound, readline would read a line without end into memory.
MOST_LINE_BYTES = 1 << 20


class ReportSink(Protocol):
    """Where the parts of a camera process send their reports. Any thread may."""

    def send(self, message: Report) -> None: ...


class Link:
    def __init__(self) -> None:
        """Reserve stdout for the link: from now on, the output of libraries goes to stderr."""
        self._down: BinaryIO = sys.stdin.buffer
        up = os.dup(1)
        # The descriptor, because C libraries write to it and do not know `sys.stdout`.
        os.dup2(2, 1)
        # Unbuffered: a kill loses no message that was sent.
        self._up = os.fdopen(up, "wb", buffering=0)
        self._lock = threading.Lock()

    def read_spec(self) -> Spec:
        """The first message. ValueError when there is none."""
        spec = self._read()
        if spec is None:
            raise ValueError("The link ended before the spec of the camera.")
        return cast(Spec, spec)

    def _read(self) -> object | None:
        """The next message; None at the end. ValueError for a line that is not a JSON object."""
        line = self._down.readline(MOST_LINE_BYTES)
        if not line:
            return None
        message: object = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("A message on the link is a JSON object.")
        return message

    def send(self, message: Report) -> None:
        """Send a message. No error when the Supervisor is gone: the end of stdin then ends this process."""
        line = json.dumps(with_mentions(message), separators=(",", ":")).encode() + b"\n"
        # Many threads send, and writes of more than PIPE_BUF (4096 bytes) to a pipe may mix.
        with self._lock:
            try:
                self._up.write(line)
            except BrokenPipeError:
                return

    def listen(self, handle: Callable[[Command], None], ended: Callable[[], None]) -> threading.Thread:
        """On its own thread: call `handle` with each message, and `ended` at the end."""

        def run() -> None:
            try:
                while (message := self._read()) is not None:
                    handle(cast(Command, message))
            finally:
                # Also after a message that cannot be handled: a process without its link could not be stopped.
                ended()

        thread = threading.Thread(target=run, name="link", daemon=True)
        thread.start()
        return thread
