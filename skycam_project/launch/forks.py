"""The launcher's side of the fork server (`fork_server.py`): starts it when it is needed, and asks it for processes."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from skycam_project.launch.child import Child, Process, Start, executed
from skycam_project.launch.fork_request import Fork

MODULE = "skycam_project.launch.fork_server"
FORK_SERVER = "fork-server"
"""Its name in the log."""
CLOSE_S = 2.0
ANSWER_S = 10.0
"""How long a fork server that has answered before may take for the next answer. It needs some milliseconds."""


class ForkedProcess:
    """A child of this process that it has not started itself."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        status = self._reap(0)
        assert status is not None
        return status

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


class ServerRun:
    """One run of the fork server: its process, and the launcher's end of the link to it. `ended` has its status."""

    def __init__(self, child: Child, link: socket.socket) -> None:
        self._child, self._link = child, link
        self.has_answered = False
        self.ended = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, environment: Mapping[str, str], on_line: Callable[[str], None]) -> ServerRun:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            command = [sys.executable, "-m", MODULE, str(theirs.fileno())]
            try:
                child = await Child.start(
                    executed(command, environment, [theirs.fileno()]), on_line, on_heartbeat=lambda: None
                )
            except OSError:
                ours.close()
                raise
        return cls(child, ours)

    async def request_process(self, message: list[bytes], descriptors: list[int]) -> bytes:
        """The pid of the new process; empty when the server has ended instead."""
        try:
            socket.send_fds(self._link, message, descriptors)
            answer = await asyncio.get_running_loop().sock_recv(self._link, 32)
        except OSError:
            return b""
        self.has_answered = bool(answer)
        return answer

    def end(self) -> None:
        self._link.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        self._child.kill()

    async def _wait(self) -> int:
        status = await self._child.wait()
        self._link.close()
        return status


class Forks(Protocol):
    """Starts processes of `python -m MODULE ARGUMENTS`."""

    def forked(
        self, title: str, command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = (), /
    ) -> Start: ...


class ForkServer:
    """Starts the fork server with the first request, and again with the next one after its end: the processes do not
    need it any more.

    `start_s`: how long its first answer may take, with its own start. `on_forked` is called after each request, also a
    failed one.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        on_forked: Callable[[], None],
        start_s: float,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._environment, self._on_line, self._on_forked = environment, on_line, on_forked
        self._start_s, self._answer_s = start_s, answer_s
        self._one_at_a_time = asyncio.Lock()
        self._last_line = ""
        self._run: ServerRun | None = None

    @property
    def is_forking(self) -> bool:
        """Whether a child of this process may exist whose pid is not known yet."""
        return self._one_at_a_time.locked()

    def forked(
        self, title: str, command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()
    ) -> Start:
        """`command` is `python -m MODULE ARGUMENTS`, `environment` what is added to that of the fork server."""
        fork = Fork(title, command, environment, inherited_fds)

        async def start(output_end: int, heartbeat_end: int) -> Process:
            try:
                async with self._one_at_a_time:
                    process = ForkedProcess(await self._fork(*fork.message(output_end, heartbeat_end)))
                    Child.running.add(process.pid)
            finally:
                self._on_forked()
            return process

        return start

    def kill(self) -> None:
        """A request that waits for its answer fails at once."""
        if self._run and not self._run.ended.done():
            self._run.kill()

    async def close(self) -> None:
        """End the fork server; the processes go on."""
        if self._run and not self._run.ended.done():
            self._run.end()
            _, unfinished = await asyncio.wait([self._run.ended], timeout=CLOSE_S)
            if unfinished:
                await self._kill_and_wait(self._run)

    async def _fork(self, message: list[bytes], descriptors: list[int]) -> int:
        run = self._run if self._run and not self._run.ended.done() else await self._start()
        within_s = self._answer_s if run.has_answered else self._start_s
        try:
            async with asyncio.timeout(within_s):
                answer = await run.request_process(message, descriptors)
        except TimeoutError:
            await self._kill_and_wait(run)
            raise OSError(f"the fork server did not answer within {within_s:g} s") from None
        except asyncio.CancelledError:
            # The next request must not get the answer to this one.
            run.kill()
            raise
        if not answer:
            await self._kill_and_wait(run)
            raise OSError(f"the fork server has ended: {self._last_line or 'it wrote no reason'}")
        return int(answer)

    async def _start(self) -> ServerRun:
        self._last_line = ""
        self._run = await ServerRun.start(self._environment, self._show_line)
        self._run.ended.add_done_callback(self._log_end)
        return self._run

    def _show_line(self, line: str) -> None:
        self._last_line = line or self._last_line
        self._on_line(line)

    def _log_end(self, ended: asyncio.Task[int]) -> None:
        if not ended.cancelled() and ended.result() != 0:
            self._on_line(
                f"the fork server ended with status {ended.result()}; the next part to start gets another one"
            )

    async def _kill_and_wait(self, run: ServerRun) -> None:
        run.kill()
        await asyncio.wait([run.ended])
