"""Forks itself for each program to run, with the modules that the program needs already imported:
`python -m tests.harness.processes.fork_server FD MODULE...`.

A request on the socket FD is a `Program` as JSON, with descriptors for stdin, stdout and stderr. Answers: `pid`, and
later `ended` with the same pid and `status`, as in `subprocess.Popen.returncode`. At the end of the socket all ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import TypedDict

MOST_BYTES = 1 << 18


class Program(TypedDict):
    module: str
    """Run as `python -m` does; or empty, and then `script` is run as `python -c` does."""
    script: str
    arguments: list[str]
    environment: dict[str, str]
    cwd: str


class ForkServer:
    def __init__(self, link: socket.socket, variables: dict[str, str]) -> None:
        """`variables` are those that the imported modules have set."""
        self._link, self._variables = link, variables
        self._children: set[int] = set()
        self._wakeup = os.pipe()
        for end in self._wakeup:
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup[1])

    def serve(self) -> Program | None:
        """Returns in each child, with its program, and None at the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._link, selectors.EVENT_READ)
            selector.register(self._wakeup[0], selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wakeup[0] in ready:
                    os.read(self._wakeup[0], MOST_BYTES)
                    self._reap()
                if self._link in ready:
                    message, descriptors, _, _ = socket.recv_fds(self._link, MOST_BYTES, 3)
                    if not message:
                        return self._end()
                    if program := self._fork(message, descriptors):
                        return program

    def _fork(self, message: bytes, descriptors: list[int]) -> Program | None:
        if pid := os.fork():
            self._children.add(pid)
            for descriptor in descriptors:
                os.close(descriptor)
            self._send(pid=pid)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._link.detach(), *self._wakeup):
            os.close(end)
        program: Program = json.loads(message)
        replace_surroundings(program, descriptors, self._variables)
        return program

    def _reap(self) -> None:
        for pid, status in ended_children():
            self._children.discard(pid)
            self._send(ended=pid, status=status)

    def _send(self, **answer: int) -> None:
        self._link.send(json.dumps(answer).encode())

    def _end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)


def ended_children() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])


def replace_surroundings(program: Program, descriptors: list[int], variables: dict[str, str]) -> None:
    """Descriptors 0 to 2, variables, folder and arguments, as a new process would have them."""
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ.clear()
    os.environ.update(variables | program["environment"])
    time.tzset()
    os.chdir(program["cwd"])
    sys.argv = ["", *program["arguments"]]


def main(link: int, *modules: str) -> None:
    before = set(os.environ)
    for module in modules:
        import_module(module)
    server = ForkServer(
        socket.socket(fileno=link), {name: os.environ[name] for name in os.environ if name not in before}
    )
    # A program ends this process as its own would: with its status, and with what runs at the end of an interpreter.
    program = server.serve()
    if program and program["module"]:
        runpy.run_module(program["module"], run_name="__main__")
    elif program:
        exec(compile(program["script"], "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
