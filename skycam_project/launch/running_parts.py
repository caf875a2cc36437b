"""Parts that run under supervision, from the first start to the last stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from skycam_project.launch.part import Part
from skycam_project.launch.parts import PARTS


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
