"""`Inspector`: the child process that decodes the files of a job, started again if a file has ended it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable
from typing import Self

from captures.organizing.findings import NotPlaced, Reason
from captures.organizing.inspection import Inspection
from captures.organizing.worker import Answer, InspectionRequest
from core.jobs.children import kill_child, start_child
from core.jobs.context import JobError

TIMEOUT_S = 300.0
"""For one file, which may be on a slow card."""
TICK_S = 0.5


class Stopped(Exception):
    """The job is to stop."""


class Inspector:
    """Use it on one thread, which must live as long as the child."""

    def __init__(self, folder: str, should_stop: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        self._folder, self._should_stop, self._timeout_s = folder, should_stop, timeout_s
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_child()

    def inspect(self, path: str) -> Inspection:
        """NotPlaced; Stopped; JobError when no process can be started."""
        child = self._running_child()
        assert child.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended; its exit status tells why
            child.stdin.write(json.dumps(InspectionRequest(folder=self._folder, path=path)).encode() + b"\n")
            child.stdin.flush()
        line = self._read_line(child)
        found: Answer = json.loads(line)
        if found["type"] == "not_placed":
            raise NotPlaced(Reason(found["reason"]), found["message"])
        return found["inspection"]

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            try:
                self._child = start_child("captures.organizing.worker", str(os.getpid()))
            except OSError as error:
                raise JobError(f"No process to decode pictures could be started: {error.strerror}.") from error
        return self._child

    def _read_line(self, child: subprocess.Popen[bytes]) -> bytes:
        assert child.stdout
        deadline, data = time.monotonic() + self._timeout_s, b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not data.endswith(b"\n"):
                if self._should_stop():
                    raise Stopped
                if time.monotonic() > deadline:
                    self._end_child()
                    raise NotPlaced(Reason.BROKEN, f"Decoding it took more than {self._timeout_s:g} s.")
                if selector.select(TICK_S):
                    part = os.read(child.stdout.fileno(), 1 << 16)
                    if not part:
                        raise self._error_of_exit()
                    data += part
        return data

    def _error_of_exit(self) -> NotPlaced | JobError:
        status = self._end_child()
        # A signal is the decoder's crash on this file; anything else would happen with each file.
        if status < 0:
            return NotPlaced(Reason.BROKEN, f"The decoder was ended by signal {-status}.")
        return JobError(f"The process that decodes pictures ended with status {status}; the log says why.")

    def _end_child(self) -> int:
        child, self._child = self._child, None
        if child is None:
            return 0
        if child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                # At the end of its output it is about to end by itself; its own status is the cause.
                child.wait(0.2)
        kill_child(child)
        status = child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return status
