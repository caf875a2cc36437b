"""A running station with a planned run, and all that a fault can be caused with."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.harness.clocks.wall_clock.wall_clock import WallClock
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.stations.outside_broker import Broker, station_beside
from tests.harness.stations.planned_runs import StationRun
from tests.harness.stations.rain_file import RainFile
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

STARTS = 400
"""More than any machine needs for the faults: the run is stopped when they are over."""
CADENCE_S = 3.0
LEAD_S = 3.0
"""The agenda is made this long before the run."""
DISK_SIZE = "320m"
"""A little more than the reserve of the disk, below which sessions take no pictures."""


class StationNight:
    """The station, what it depends on, and its planned run."""

    def __init__(self, station: Station, broker: Broker, disk: SmallDisk, clock: WallClock, rain: RainFile) -> None:
        self.station, self.broker, self.disk, self.clock, self.rain = station, broker, disk, clock, rain

    def plan_run(self) -> None:
        """It begins LEAD_S seconds later."""
        self.run = StationRun(self.station, LEAD_S, CADENCE_S, STARTS)

    def set_faults(self, **faults: Any) -> None:
        """Exactly these faults of the simulated camera."""
        put = functools.partial(self.station.api.call, "PUT", "cameras/simulated/faults/", faults)
        eventually(lambda: put().status == 200, f"the faults {faults}")

    def pass_a_start(self) -> None:
        """Wait until the next capture can no longer be taken: a late one is, until the one after it is due."""
        self.run.wait_until(self.run.start_of(self.run.next_index() + 1) + timedelta(seconds=0.5))

    def eventually_saved(self, due: int) -> None:
        """Wait for this capture or a later one. Then the process has recorded what it missed before; the state of a
        camera may still be that of a process before it."""
        eventually(lambda: self.run.has_saved(due), f"capture {due} or a later one is saved")

    def waiting_records(self) -> list[str]:
        return [name for name in self.station.spools.files() if name.endswith(".done")]

    def eventually_gate(self, *, is_open: bool) -> None:
        def is_shown() -> bool:
            return [gate["open"] for gate in self.station.api.get("cameras/simulated/status/")["gates"]] == [is_open]

        eventually(is_shown, f"the gate is open: {is_open}")

    def eventually_all_run(self) -> None:
        eventually(lambda: self.station.states() == {"running"}, "all parts run")


@contextmanager
def station_night(folder: Path, broker: Broker) -> Iterator[StationNight]:
    """Before the run: a station on a small disk of its own, with a gate, and a clock that can be set."""
    disk, clock, rain = SmallDisk(folder, DISK_SIZE), WallClock(folder), RainFile(folder)
    variables = {"SKYCAM_STORAGE_ROOT": str(disk.path), "SKYCAM_SUPERVISION__MARGIN_S": "2"}
    try:
        with station_beside(broker, folder / "data", **clock.environment, **rain.environment, **variables) as station:
            yield StationNight(station, broker, disk, clock, rain)
    finally:
        disk.close()
