"""Parts that run under supervision, from the first start to the last stop, and the short-lived process that writes
their records into the database while the worker is away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from skycam_project.launch.child import Child
from skycam_project.launch.forks import Forks
from skycam_project.launch.part import Output, Part
from skycam_project.launch.parts import PARTS
from skycam_project.launch.restart_journal import RestartJournal


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
