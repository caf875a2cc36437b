"""Operating-system processes below the launcher: one that it started, with its output, heartbeats and exit status;
and orphans, whose parent has ended: they become the launcher's, and are ended, so that no part leaves any behind.
Linux only."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from core import heartbeat
from core.parent_death import die_with_parent
from core.processes import parent_of

LONGEST_LINE = 64 * 1024


class Process(Protocol):
    """A child process of the launcher. `wait` and `poll` return its exit status, negative for a signal."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


Start = Callable[[int, int], Awaitable[Process]]
"""The write ends of the pipes for output and heartbeats -> a new process that has them. OSError."""


def executed(command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()) -> Start:
    """Executes a program. It leads a session of its own, so that Ctrl-C reaches the launcher only, and dies with the
    thread that starts it: the launcher's only one."""
    parent = os.getpid()
    return _executed(command, environment, inherited_fds, lambda: die_with_parent(parent))


def executed_module(command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()) -> Start:
    """As `executed`, for `python -m MODULE ARGUMENTS` and a parent with several threads: it runs nothing of the parent
    between fork and exec."""
    python, _, *module = command
    below = [python, "-m", "skycam_project.launch.below", str(os.getpid()), *module]
    return _executed(below, environment, inherited_fds, None)


def _executed(
    command: Sequence[str],
    environment: Mapping[str, str],
    inherited_fds: Sequence[int],
    before_exec: Callable[[], None] | None,
) -> Start:
    async def start(output_end: int, heartbeat_end: int) -> Process:
        own = {**environment, heartbeat.FD_VARIABLE: str(heartbeat_end)}
        return _execute(command, own, output_end, (heartbeat_end, *inherited_fds), before_exec)

    return start


def _execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    output_end: int,
    inherited_fds: Sequence[int],
    before_exec: Callable[[], None] | None,
) -> subprocess.Popen[bytes]:
    # Not asyncio's subprocess: on Python 3.11 it waits for each child on a thread, and `preexec_fn` is safe only in a
    # process with one thread.
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output_end,
        stderr=output_end,
        pass_fds=inherited_fds,
        start_new_session=True,
        preexec_fn=before_exec,  # noqa: PLW1509 - of the launcher alone, which has one thread
    )


class Child:
    """A process with the read ends of its pipes. `on_line` gets each line of its standard output and error,
    `on_heartbeat` is called for each heartbeat on its pipe."""

    running: ClassVar[set[int]] = set()
    """The pids that a `wait` will reap."""

    def __init__(
        self,
        process: Process,
        output: int,
        beats: int,
        on_line: Callable[[str], None],
        on_heartbeat: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._process, self._output, self._heartbeat_end = process, output, beats
        self.pid = process.pid
        self.running.add(self.pid)
        self._lines = Lines(on_line)
        self._on_heartbeat = on_heartbeat
        self._output_ended = asyncio.Event()
        self._loop.add_reader(self._output, self._read_output)
        self._loop.add_reader(self._heartbeat_end, self._read_heartbeat)

    @classmethod
    async def start(cls, start: Start, on_line: Callable[[str], None], on_heartbeat: Callable[[], None]) -> Child:
        """OSError if there is no such process in the end."""
        output, output_end = os.pipe()
        beats, heartbeat_end = os.pipe()
        try:
            process = await start(output_end, heartbeat_end)
        except BaseException:
            os.close(output)
            os.close(beats)
            raise
        finally:
            # While the launcher itself held a write end, the read ends would never report the end of the file.
            os.close(output_end)
            os.close(heartbeat_end)
        return cls(process, output, beats, on_line, on_heartbeat)

    async def wait(self) -> int:
        """Its exit status, negative for a signal, after all its output has been read."""
        ended = asyncio.Event()
        # Readable once the process has ended: this needs neither a thread nor a handler of SIGCHLD.
        descriptor = os.pidfd_open(self.pid)
        self._loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        status = self._process.wait()  # returns at once: the process has ended
        self.running.discard(self.pid)
        await self._finish_output()
        return status

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL to the child and to all processes in its session."""
        # Nothing else reaps the child, so the number of a running child cannot be that of another process. It leads its
        # own process group, so this does not reach the launcher.
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)

    async def _finish_output(self) -> None:
        try:
            async with asyncio.timeout(0.3):  # a process that the child started may hold the pipe open for longer
                await self._output_ended.wait()
        except TimeoutError:
            self._loop.remove_reader(self._output)
        self._lines.end()  # a last line without a line break
        self._loop.remove_reader(self._heartbeat_end)
        os.close(self._output)
        os.close(self._heartbeat_end)

    def _read_output(self) -> None:
        data = os.read(self._output, LONGEST_LINE)
        if data:
            self._lines.feed(data)
        else:
            # At its end a pipe is readable all the time: the reader would keep the loop busy.
            self._loop.remove_reader(self._output)
            self._output_ended.set()

    def _read_heartbeat(self) -> None:
        if os.read(self._heartbeat_end, 4096):
            self._on_heartbeat()
        else:
            self._loop.remove_reader(self._heartbeat_end)


class Lines:
    """Splits a stream of bytes into lines. A longer line is split at 64 KiB."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._emit(line)
        # A part that writes no line break must not fill the launcher's memory.
        if len(self._rest) >= LONGEST_LINE:
            self.end()

    def end(self) -> None:
        if self._rest:
            self._emit(self._rest)
        self._rest = b""

    def _emit(self, line: bytes) -> None:
        self._on_line(line.decode(errors="replace").rstrip())


PR_SET_CHILD_SUBREAPER = 36


class Orphans:
    """From now on this process is the parent of all its descendants whose parent has ended."""

    def __init__(self) -> None:
        # A shell that became this process by `exec` may have started programs, such as the end of a pipe.
        self._others = children()
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")

    def end(self, own: Collection[int]) -> None:
        """Kill the children that are not `own`, and reap those that have ended."""
        for pid in children() - self._others - {*own}:
            # An adopted process is a child: until it is reaped here, its number belongs to no other process.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)


def children() -> set[int]:
    """Also those that have ended and are not reaped yet."""
    # Not /proc/self/task/*/children, which some kernels for small computers do not have, and not psutil, which would
    # be loaded for this alone.
    return {int(path.name) for path in Path("/proc").glob("[0-9]*") if parent_of(path) == os.getpid()}
