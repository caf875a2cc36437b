"""Processes that start in hundredths of a second, because the modules that they need are imported already.

They are real processes, with a pid, pipes, signals and an exit status of their own. What is read when a program is
executed is that of the fork server, though: the command line, `/proc/PID/environ`, and LD_* variables.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import IO, Any, Self

from tests.harness.processes.fork_server import MOST_BYTES, Program
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


def can_be_preloaded(environment: dict[str, str]) -> bool:
    """Whether a process with these variables is the same when it is forked."""
    return not any(name.startswith(("LD_", "PYTHON")) for name in environment)


class PreloadedProcess:
    """Has the methods of `subprocess.Popen` that tests need."""

    def __init__(self, stdin: IO[Any], stdout: IO[Any], stderr: IO[Any] | None) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.pid = 0
        self.returncode: int | None = None
        self.started, self.ended = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe:
                pipe.close()
        self.wait()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        # Its end may not be known here yet.
        with suppress(ProcessLookupError):
            if self.returncode is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[Any, Any]:
        """Close stdin; the rest of stdout and stderr, once it has ended."""
        self.stdin.close()
        errors: list[Any] = []
        reader = threading.Thread(target=lambda: errors.append(self.stderr.read() if self.stderr else None))
        reader.start()
        killer = threading.Timer(timeout, self.kill)
        killer.start()
        try:
            output = self.stdout.read()
        finally:
            killer.cancel()
        reader.join(timeout)
        self.wait(timeout)
        return output, errors[0]


class Preloaded:
    """A fork server, which starts with its first process and ends with this one. `flags` are those of Python."""

    def __init__(self, *modules: str, flags: tuple[str, ...] = ()) -> None:
        self._modules, self._flags = modules, flags
        self._lock = threading.Lock()
        self._starting: deque[PreloadedProcess] = deque()
        self._running: dict[int, PreloadedProcess] = {}

    @cached_property
    def _link(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, *self._flags, "-m", "tests.harness.processes.fork_server", str(theirs.fileno())]
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self._server = subprocess.Popen(
            [*command, *self._modules], pass_fds=[theirs.fileno()], cwd=PROJECT, env=environment
        )
        theirs.close()
        threading.Thread(target=self._read_answers, args=(ours,), daemon=True).start()
        atexit.register(self._end, ours)
        return ours

    @property
    def parent(self) -> int:
        """The pid of the parent of its processes."""
        assert self._link
        return self._server.pid

    def start(
        self, module: str = "", *arguments: str, script: str = "", environment: dict[str, str], text: bool = False,
        errors: bool = False,
    ) -> PreloadedProcess:  # fmt: skip
        """Run a module or a script, with pipes for stdin and stdout, and for stderr if `errors`; `text`: of text."""
        program = Program(
            module=module, script=script, arguments=[*arguments], environment=environment, cwd=str(PROJECT)
        )
        (stdin, our_stdin), (our_stdout, stdout) = os.pipe(), os.pipe()
        our_stderr, stderr = os.pipe() if errors else (None, os.dup(2))
        kind = "" if text else "b"
        process = PreloadedProcess(
            os.fdopen(our_stdin, f"w{kind}"),
            os.fdopen(our_stdout, f"r{kind}"),
            os.fdopen(our_stderr, f"r{kind}") if our_stderr else None,
        )
        with self._lock:
            self._starting.append(process)
            socket.send_fds(self._link, [json.dumps(program).encode()], [stdin, stdout, stderr])
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        assert process.started.wait(PATIENCE_S), "the fork server does not answer"
        return process

    def _read_answers(self, link: socket.socket) -> None:
        while message := link.recv(MOST_BYTES):
            answer = json.loads(message)
            if pid := answer.get("pid"):
                process = self._starting.popleft()
                process.pid = pid
                self._running[pid] = process
                process.started.set()
            else:
                process = self._running.pop(answer["ended"])
                process.returncode = answer["status"]
                process.ended.set()

    def _end(self, link: socket.socket) -> None:
        link.shutdown(socket.SHUT_RDWR)
        self._server.wait(PATIENCE_S)
