"""Live view of a camera of another host, beside one of the machine that serves the page, in turn in the same run. Both
hosts are on this machine: a network between them adds its own time. Pictures of both go through the broker alone."""

from __future__ import annotations

import asyncio
import statistics
from contextlib import ExitStack

from bench.figures import Table
from bench.light_viewers import light_viewers
from bench.live import WARM_UP_S
from bench.runs import Runs
from tests.harness.postgresql import postgresql
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, MANY_VIEWERS, Station

MORE_MS = 10
TURNS, TURN_S = 6, 10
VIEWERS = 2
SCENE: dict[str, object] = {"scene": "chart", "shot_noise": False}
NEAR, FAR = "near", "dome"


def run(runs: Runs) -> list[Table]:
    with ExitStack() as stack:
        database, broker = stack.enter_context(postgresql()), Broker(runs.folder)
        stack.callback(broker.kill)
        variables = {
            "DATABASE_URL": database,
            "REDIS_URL": f"unix://{broker.socket}",
            **ANY_NUMBER_OF_KILLS,
            **MANY_VIEWERS,
        }
        main = Station(runs.folder / "main", **variables)
        stack.callback(main.ensure_stopped)
        main.up()
        dome = Station(runs.folder / FAR, **variables, SKYCAM_HOST=FAR, **main.shared_identity)
        stack.callback(dome.ensure_stopped)
        dome.start(only="worker")
        for slug, more in ((NEAR, {}), (FAR, {"host": FAR})):
            main.api.ask("POST", "cameras/", {"slug": slug, "name": slug, "kind": "simulated", **more})
            main.cameras.eventually_ready(slug)
            main.api.ask("PATCH", f"cameras/{slug}/settings/", SCENE)
        return [asyncio.run(measured(main, runs.times(TURN_S)))]


async def measured(station: Station, seconds: int) -> Table:
    late: dict[str, list[float]] = {NEAR: [], FAR: []}
    for _ in range(TURNS):
        for slug, found in late.items():
            async with light_viewers(station, VIEWERS, slug) as seen:
                await asyncio.sleep(WARM_UP_S)
                for one in seen:
                    one.forget()
                await asyncio.sleep(seconds)
                found += [value for one in seen for value in one.late_ms]
    table = Table(f"Live view of another host's camera, {VIEWERS} viewers, 1280x1024 at 15 fps: capture to viewer")
    for slug, label in ((NEAR, "This host's camera"), (FAR, "Another host's camera")):
        values = sorted(late[slug])
        note = f"99th percentile {values[int(0.99 * (len(values) - 1))]:.1f} ms, of {len(values)} pictures"
        table.add(f"{label}, median", f"{statistics.median(values):.1f} ms", note=note)
    more = statistics.median(late[FAR]) - statistics.median(late[NEAR])
    table.add("More for another host, median", f"{more:.1f} ms", f"{MORE_MS} ms", f"{TURNS} turns each")
    return table
