"""Runs a program with a deadline, and ends everything that it has started; child processes get neither the secret key
nor the address of the database. Django-free."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

PASSED_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH")


def scrubbed_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables passed to a child: those that any program needs, and `also`."""
    names = {*PASSED_VARIABLES, *also}
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("LC_")}


POLL_S = 0.02
"""How often an end of the command is noticed while something that it has started keeps its output open."""
MARGIN_S = 1.0
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Statuses of timeout(1)."""
Captured = Literal["output", "errors", "both"]
STREAMS: dict[Captured, tuple[int, int]] = {
    "output": (subprocess.PIPE, subprocess.DEVNULL),
    "errors": (subprocess.DEVNULL, subprocess.PIPE),
    "both": (subprocess.PIPE, subprocess.STDOUT),
}
"""What is captured -> standard output and standard error of the process."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """`output` is what was captured, and has one byte more than the limit if the command was cut off there."""

    status: int
    output: bytes

    @property
    def was_found(self) -> bool:
        """False for a program that does not exist, or is not executable."""
        return self.status not in {NOT_FOUND, NOT_EXECUTABLE}


def run_command(
    command: Sequence[str], deadline_s: float, limit_bytes: int, *, captured: Captured = "output", stdin: bytes = b""
) -> CommandResult:
    """Runs the command without a shell, in a session of its own, and kills all that it has started: when it ends, after
    `limit_bytes` of output, and after `deadline_s`. It gets no secrets of the station in its environment.

    `captured` is its standard output, its standard error, or both as one. It reads `stdin`. TimeoutError after the
    deadline; OSError and ValueError if it cannot be started.
    """
    process, output = _start(command, deadline_s, captured, stdin)
    try:
        content = _read_output(process, output, time.monotonic() + deadline_s, limit_bytes + 1)
    finally:
        # Before it is waited for: until then no other process can get its number. PermissionError: all that is left
        # of it runs as another user.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        output.close()
    return CommandResult(status, content)


def _start(
    command: Sequence[str], deadline_s: float, captured: Captured, stdin: bytes
) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """The process, and the pipe with what it prints."""
    # timeout(1) also ends the command when this process is killed meanwhile.
    guarded = ["timeout", "-s", "KILL", f"{deadline_s + MARGIN_S:g}", *command]
    output, errors = STREAMS[captured]
    # A file in memory: a pipe would block on a command that does not read.
    with os.fdopen(os.memfd_create("stdin"), "w+b") as content:
        content.write(stdin)
        content.seek(0)
        process = subprocess.Popen(
            guarded, stdin=content, stdout=output, stderr=errors, cwd=Path("/"), env=scrubbed_environment(),
            start_new_session=True,
        )  # fmt: skip
    pipe = process.stderr if captured == "errors" else process.stdout
    assert pipe
    return process, pipe


def _read_output(process: subprocess.Popen[bytes], output: IO[bytes], until: float, most_bytes: int) -> bytes:
    """The output once the command has ended, or `most_bytes` of it. TimeoutError after `until`."""
    descriptor, content = output.fileno(), b""
    os.set_blocking(descriptor, False)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while time.monotonic() < until:
            # In this order: what it wrote before its end is read after it.
            ended = has_ended(process.pid)
            selector.select(0 if ended else POLL_S)
            content += read_available(descriptor, most_bytes - len(content))
            if ended or len(content) >= most_bytes:
                return content
    raise TimeoutError


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
