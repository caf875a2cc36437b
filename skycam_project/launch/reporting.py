"""While the worker is away, the launcher runs a short-lived process that writes its records into the database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from skycam_project.launch.child import Child
from skycam_project.launch.forks import Forks
from skycam_project.launch.part import Output
from skycam_project.launch.restart_journal import RestartJournal

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
