"""Parts that run under supervision, from the first start to the last stop, and the short-lived process that writes
their records into the database while the worker is away; and the parts of a camera host that a Celery worker runs:
its children, with the launcher's rules."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from core.heartbeat import send_heartbeats
from core.text.names import readable
from skycam_project.launch import control, preflight, standby
from skycam_project.launch.child import Child, Process, Start, executed_module
from skycam_project.launch.fork_request import Fork
from skycam_project.launch.forks import ForkedProcess, Forks
from skycam_project.launch.part import Output, Part, PartRow, State, Timings
from skycam_project.launch.parts import PARTS, Plan
from skycam_project.launch.preflight import LaunchError
from skycam_project.launch.restart_journal import RestartJournal

log = logging.getLogger(__name__)


class RunningParts:
    """Used by one event loop. `end` is set by the first failure, which `failure` then holds, or from outside."""

    def __init__(self, parts: Mapping[str, Part], end: asyncio.Event) -> None:
        self.parts, self.end = parts, end
        self.failure: BaseException | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def run(self, name: str) -> None:
        """Again for a part that runs already, it does nothing."""
        if name not in self._tasks:
            self._tasks[name] = self.watch(self.parts[name].run_until_stopped())

    def watch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._record_failure)
        return task

    async def survive_crash_loops(self) -> None:
        """Once every part has been running, cameras may be working. A crash loop then no longer ends the station."""
        for part in self.parts.values():
            await part.wait_until_running()
        for part in self.parts.values():
            part.ends_station = False

    def kill(self) -> None:
        for part in self.parts.values():
            part.kill()

    def prevent_restarts(self) -> None:
        """All of them before the first is stopped: a part that ends meanwhile would be restarted."""
        for part in self.parts.values():
            part.prevent_restart()

    async def stop(self, stages: set[int], timeout_s: float | None = None) -> None:
        """Stop the parts of these stages, and wait until they have ended, at most `timeout_s`."""
        names = [name for name in self._tasks if PARTS[name].stop_stage in stages]
        for name in names:
            self.parts[name].stop()
        if names:
            # Not wait_for(): after the timeout it would cancel the supervision of a part that still runs.
            await asyncio.wait([self._tasks[name] for name in names], timeout=timeout_s)

    def _record_failure(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        # The first failure is the cause; the stop that it begins may bring others.
        self.failure = self.failure or task.exception()
        self.end.set()


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


CHECK_S = 10.0
PAUSE_S = 60.0
TIMEOUT_S = 60.0


async def report_restarts_while(
    worker_is_away: Callable[[], bool], journal: RestartJournal, forks: Forks, stream: Output
) -> None:
    """Runs until cancelled. Writes records that were pending at the previous check already, at most once a minute."""
    seen: set[str] = set()
    while True:
        await asyncio.sleep(CHECK_S)
        pending = journal.pending()
        # The worker reads the records every 2 s: one that is still there after CHECK_S is not being read.
        if worker_is_away() and pending & seen:
            await _record_restarts(forks, stream)
            await asyncio.sleep(PAUSE_S - CHECK_S)
        seen = pending


async def _record_restarts(forks: Forks, stream: Output) -> None:
    command = [sys.executable, "-m", "skycam_project.launch.restart_events"]
    try:
        child = await Child.start(
            forks.forked("skycam restart-events", command, {}),
            lambda line: stream.write_line("restart-events", line),
            on_heartbeat=lambda: None,
        )
    except OSError as error:
        stream.log_message(f"restarts are not in the event log yet: {error}")
        return
    killing = asyncio.get_running_loop().call_later(TIMEOUT_S, child.kill)
    try:
        await child.wait()
    except asyncio.CancelledError:
        child.kill()  # safe: it writes each record in one transaction
        raise
    finally:
        killing.cancel()


SOCKET = "cameras"
"""The name of its control socket: `skycam ps` and `skycam restart` ask it as they ask a launcher."""
EARLIER_S = 1.0
"""By how much its own limit of a stop is shorter than that of the launcher above it."""


class BelowWorker:
    """Starts parts below this process: one that stands by for each, afterwards by executing them. A fork server would
    be one process more, and a copy of this one has threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def forked(
        self, title: str, command: Sequence[str], environment: Mapping[str, str], inherited_fds: Sequence[int] = ()
    ) -> Start:
        execute = executed_module(command, {**self._environment, **environment}, inherited_fds)
        fork = Fork(title, command, environment, inherited_fds)

        async def start(output_end: int, heartbeat_end: int) -> Process:
            pid = standby.start(fork, output_end, heartbeat_end)
            return ForkedProcess(pid) if pid else await execute(output_end, heartbeat_end)

        return start


class OwnOutput:
    """Writes the lines of the parts to the output of this process, where a launcher collects them."""

    def __init__(self) -> None:
        self._last: dict[str, deque[str]] = {}

    def write_line(self, part: str, text: str) -> None:
        text = readable(text, keep="\t")
        self._last.setdefault(part, deque(maxlen=1)).append(text)
        print(text, file=sys.stderr, flush=True)

    def log_message(self, text: str) -> None:
        log.warning("%s", text)

    def last_line(self, part: str) -> str:
        return next(iter(self._last.get(part, ())), "")

    def repeat_tail(self, _part: str) -> None:
        """Nothing: the lines stand above already, among a few others."""


class OwnProcess:
    """This worker among its parts, where no launcher lists it."""

    def __init__(self) -> None:
        self._since = datetime.now(UTC)

    def row(self) -> PartRow:
        return PartRow(
            name="worker",
            pid=os.getpid(),
            state=State.RUNNING,
            since=f"{self._since:%Y-%m-%dT%H:%M:%SZ}",
            restarts=0,
            reason="",
            next_try_s=None,
            in_crash_loop=False,
        )

    async def restart(self) -> PartRow:
        raise LaunchError("This worker has no launcher that could start it again. Restart it where you started it.")


class HostedParts:
    """Starts, watches, restarts and stops `parts` on a thread of its own, whatever Celery waits for.

    `on_failure` gets the reason, on that thread, when a part ends before all have been running, or when the parts
    cannot be watched: what started this process decides then. Later they are restarted as a launcher does.
    """

    def __init__(
        self, plan: Plan, parts: Sequence[str], on_failure: Callable[[str], None], *, has_launcher: bool
    ) -> None:
        self._plan, self._parts, self._on_failure = plan, parts, on_failure
        self._own = {} if has_launcher else {"worker": OwnProcess()}
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        # Its children end with this thread (PR_SET_PDEATHSIG). A daemon: it does not keep a process that has failed.
        self._thread = threading.Thread(target=self._run, name="hosted-parts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        """Returns at once; for signal handlers."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)

    def stop(self) -> None:
        """Return when all of them have ended. Idempotent."""
        self.request_stop()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                failure = runner.run(self._run_until_stopped())
        except Exception as error:
            # Without this thread Celery would go on, and nothing would start a camera.
            log.critical("The parts of this camera host cannot be watched.", exc_info=error)
            failure = error
        if failure is not None:
            self._on_failure(str(failure))

    async def _run_until_stopped(self) -> BaseException | None:
        config, output = self._plan.config, OwnOutput()
        journal = RestartJournal(preflight.run_folder(config))
        timings, starter = Timings.of(config), BelowWorker(self._plan.environment)
        parts = {name: Part(name, self._plan, starter, timings, output, journal) for name in self._parts}
        running = RunningParts(parts, self._end)
        address = preflight.control_path(config, SOCKET)
        server = await control.serve(address, {**self._own, **parts})
        for name, part in parts.items():
            part.first_exit_ends = True
            running.run(name)
        cameras = parts["cameras"]
        watching = [
            running.watch(running.survive_crash_loops()),
            running.watch(report_restarts_while(lambda: cameras.state is not State.RUNNING, journal, starter, output)),
            # From this loop: a launcher above must notice when it hangs. Not before the parts run: until then the
            # worker is starting.
            running.watch(send_heartbeats(lambda: not any(part.ends_station for part in parts.values()))),
        ]
        await running.end.wait()
        # First, so that no report starts a process meanwhile. The heartbeats go on: a stop may take a while.
        for task in watching[:2]:
            await cancel(task)
        killing = self._loop.call_later(timings.stop_s - EARLIER_S, running.kill)
        running.prevent_restarts()
        await running.stop({0, 1})
        killing.cancel()
        await cancel(watching[2])
        control.close(server, address)
        return running.failure
