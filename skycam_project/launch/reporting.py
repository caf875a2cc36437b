"""While the worker is away, the launcher has its notes taken into the database by a short process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from skycam_project.launch.child import Child
from skycam_project.launch.journal import Journal
from skycam_project.launch.parts import Plan
from skycam_project.launch.stream import LogStream

LOOK_S = 10.0
PAUSE_S = 60.0
PATIENCE_S = 60.0


async def report_while(worker_is_away: Callable[[], bool], journal: Journal, plan: Plan, stream: LogStream) -> None:
    """For ever. A note that has waited since the look before is taken in, at most once a minute."""
    seen: set[str] = set()
    while True:
        await asyncio.sleep(LOOK_S)
        waiting = journal.waiting()
        if worker_is_away() and waiting & seen:
            await _take_in(plan, stream)
            await asyncio.sleep(PAUSE_S - LOOK_S)
        seen = waiting


async def _take_in(plan: Plan, stream: LogStream) -> None:
    command = [sys.executable, "-m", "skycam_project.launch.intake"]
    try:
        child = Child(command, plan.environment, lambda line: stream.line("intake", line), on_beat=lambda: None)
    except OSError as error:
        stream.say(f"restarts are not in the event log yet: {error}")
        return
    killing = asyncio.get_running_loop().call_later(PATIENCE_S, child.kill)
    try:
        await child.wait()
    except asyncio.CancelledError:
        child.kill()  # what it does is a transaction for each note
        raise
    finally:
        killing.cancel()
