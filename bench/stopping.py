"""How long a stop takes: of the web part beside viewers, and of a whole station."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from bench.promise import Promise
from tests.harness.clients.viewers import NonReadingViewer, received_further, watching
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

VIEWERS, NON_READING = 3, 10
FULL_FRAMES = 60
"""After these the station's buffers for viewers that do not read are full."""


def web_stop_s(station: Station) -> float:
    """With viewers that watch, and others that never read a picture."""
    return asyncio.run(web_stop_in_loop_s(station))


async def web_stop_in_loop_s(station: Station) -> float:
    web = await asyncio.to_thread(station.part, "web")
    tasks = [asyncio.create_task(NonReadingViewer(station).run()) for _ in range(NON_READING)]
    async with watching(station, VIEWERS) as seen:
        await received_further(seen, FULL_FRAMES)
        began = time.monotonic()
        web.terminate()
        await asyncio.to_thread(web.wait, PATIENCE_S)
        took_s = time.monotonic() - began
    [task.cancel() for task in tasks]
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(station.pid_of_running, "web", web.pid)
    return took_s


def stop_s(station: Station) -> float:
    """During an exposure of a session."""
    station.cameras.start_session(exposure_us=60_000_000, delay_s=0.1)
    eventually(lambda: any(name.endswith(".plan") for name in station.spools.files()), "the long exposure")
    took_s = timed_stop_s(station)
    station.up()
    station.api.ask("POST", "cameras/simulated/stop/")
    station.spools.eventually_settled()
    return took_s


def stop_of_hung_part_s(station: Station) -> float:
    """The part `jobs` stands still. The station stays stopped."""
    os.kill(station.pid_of_running("jobs"), signal.SIGSTOP)
    return timed_stop_s(station)


def timed_stop_s(station: Station) -> float:
    began = time.monotonic()
    assert station.stop() == 0
    return time.monotonic() - began


STOPPING = (
    Promise("The web part ends beside 13 viewers, of whom 10 never read", 3, web_stop_s),
    Promise("Ctrl-C during an exposure of a minute, until the station has ended", 8, stop_s),
    Promise("Ctrl-C while the part jobs hangs, until the station has ended", 8, stop_of_hung_part_s, is_wait=True),
)
