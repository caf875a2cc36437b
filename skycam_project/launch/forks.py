"""The launcher's side of the fork server (`fork_server.py`): starts it when it is needed, and asks it for processes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from monitoring import heartbeat
from skycam_project.launch.child import Child, Process, Start, executed

MODULE = "skycam_project.launch.fork_server"
FORK_SERVER = "fork-server"
"""Its name in the log."""
CLOSE_S = 2.0


class Request(TypedDict):
    """`targets` are the numbers that the sent descriptors have in the new process. `environment` comes on top of that
    of the fork server. `title` is what `ps` shows."""

    title: str
    module: str
    arguments: list[str]
    environment: dict[str, str]
    targets: list[int]


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


class ForkServer:
    """A fork server that has ended is started again by the next request: the processes do not need it any more.

    `timeout_s` includes its own start. `on_forked` is called when a request is answered or has failed.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        on_forked: Callable[[], None],
        timeout_s: float,
    ) -> None:
        self._environment, self._on_line, self._on_forked = environment, on_line, on_forked
        self._timeout_s = timeout_s
        self._one_at_a_time = asyncio.Lock()
        self._server: Child | None = None
        self._link: socket.socket | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_forking(self) -> bool:
        """Whether a child of this process may exist whose pid is not known yet."""
        return self._one_at_a_time.locked()

    def forked(
        self, title: str, command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()
    ) -> Start:
        """`command` is `python -m MODULE ARGUMENTS`, `environment` what is added to that of the fork server."""

        async def start(output_end: int, heartbeat_end: int) -> Process:
            _, _, module, *arguments = command
            descriptors = [output_end, output_end, heartbeat_end, *inherited_fds]
            request = Request(
                title=title,
                module=module,
                arguments=arguments,
                environment={**environment, heartbeat.FD_VARIABLE: str(heartbeat_end)},
                targets=[1, 2, *descriptors[2:]],
            )
            async with self._one_at_a_time:
                pid = await self._fork(request, descriptors)
                process = ForkedProcess(pid)
                Child.running.add(pid)
            self._on_forked()
            return process

        return start

    async def close(self) -> None:
        """End the fork server; the processes go on."""
        if self._link:
            self._link.shutdown(socket.SHUT_RDWR)
        if self._watching:
            _, unfinished = await asyncio.wait([self._watching], timeout=CLOSE_S)
            if unfinished:
                await self._kill_server()

    async def _fork(self, request: Request, descriptors: list[int]) -> int:
        link = self._link or await self._start()
        try:
            async with asyncio.timeout(self._timeout_s):
                socket.send_fds(link, [json.dumps(request).encode()], descriptors)
                answer = await asyncio.get_running_loop().sock_recv(link, 32)
        except TimeoutError:
            await self._kill_server()
            raise OSError(f"the fork server did not answer within {self._timeout_s:g} s") from None
        if not answer:
            await self._kill_server()
            raise OSError("the fork server has ended")
        return int(answer)

    async def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", MODULE, str(theirs.fileno())]
            start = executed(command, self._environment, [theirs.fileno()])
            try:
                self._server = await Child.start(start, self._on_line, on_heartbeat=lambda: None)
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._link = ours
        self._watching = asyncio.create_task(self._wait_for_end(self._server, ours))
        return ours

    async def _wait_for_end(self, server: Child, link: socket.socket) -> None:
        """So that the next request starts another one."""
        status = await server.wait()
        if status != 0:
            self._on_line(f"the fork server ended with status {status}")
        self._server = self._link = None
        link.close()

    async def _kill_server(self) -> None:
        if self._server:
            self._server.kill()
        if self._watching:
            await asyncio.wait([self._watching])
