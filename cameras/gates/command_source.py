"""The output of a command as the source of a gate. Django-free."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from cameras.gates.gate import Reading
from cameras.gates.sources import LONGEST_BYTES, text_reading
from core.child_environment import scrubbed_environment

POLL_S = 0.02
"""How often an end of the command is noticed while something that it has started keeps its output open."""
MARGIN_S = 1.0
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Statuses of timeout(1)."""


class CommandSource:
    """Runs the command without a shell, in a session of its own, and kills all that it has started: when it ends, and
    after `deadline_s`. It gets no secrets of the station in its environment."""

    def __init__(self, command: Sequence[str], deadline_s: float) -> None:
        self._command, self._deadline_s = tuple(command), deadline_s

    def read(self) -> Reading:
        try:
            process = self._start()
        except (OSError, ValueError) as error:
            return Reading(None, f"The command cannot be started ({getattr(error, 'strerror', None) or error}).")
        try:
            content = self._read_output(process)
        finally:
            # Before it is waited for: until then no other process can get its number. PermissionError: all that is left
            # of it runs as another user.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
            assert process.stdout
            process.stdout.close()
        return self._reading(content, status)

    def _start(self) -> subprocess.Popen[bytes]:
        # timeout(1) also ends the command when this process is killed meanwhile.
        guarded = ["timeout", "-s", "KILL", f"{self._deadline_s + MARGIN_S:g}", *self._command]
        return subprocess.Popen(
            guarded, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path("/"),
            env=scrubbed_environment(), start_new_session=True,
        )  # fmt: skip

    def _read_output(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """The output once the command has ended, or more than LONGEST_BYTES of it; None when it is too slow."""
        assert process.stdout
        descriptor, until, content = process.stdout.fileno(), time.monotonic() + self._deadline_s, b""
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while time.monotonic() < until:
                # In this order: what it wrote before its end is read after it.
                ended = has_ended(process.pid)
                selector.select(0 if ended else POLL_S)
                content += read_available(descriptor, LONGEST_BYTES + 1 - len(content))
                if ended or len(content) > LONGEST_BYTES:
                    return content
        return None

    def _reading(self, content: bytes | None, status: int) -> Reading:
        if content is None:
            return Reading(None, f"The command has not ended within {self._deadline_s:g} s.")
        if len(content) > LONGEST_BYTES:
            return text_reading(content, "The output of the command")
        if status in {NOT_FOUND, NOT_EXECUTABLE}:
            return Reading(None, "The command cannot be started: it was not found, or is not executable.")
        if status != 0:
            return Reading(None, f"The command ended with status {status}.")
        return text_reading(content, "The output of the command")


def has_ended(pid: int) -> bool:
    """Whether this child has ended. It stays a zombie, so its number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def read_available(descriptor: int, limit: int) -> bytes:
    """What a non-blocking pipe holds now, at most `limit` bytes."""
    content = b""
    while len(content) < limit:
        try:
            part = os.read(descriptor, limit - len(content))
        except BlockingIOError:
            break
        if not part:
            break
        content += part
    return content
