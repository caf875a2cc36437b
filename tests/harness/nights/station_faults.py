"""What goes wrong in a night of a station: how it is caused, and the reasons that its losses may have."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.harness.kills.faults import kill
from tests.harness.nights.station_night import StationNight
from tests.harness.stations.rain_file import DRY, WET
from tests.harness.waiting import eventually

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class StationFault:
    """`happen` begins the fault, waits until it has an effect, ends it, and waits until the camera is ready."""

    happen: Callable[[StationNight], None]
    reasons: frozenset[str] = frozenset()
    """Of the captures that it costs; none for a fault that must cost nothing."""
    always_costs: bool = False
    """Whether it lasts over the start of a capture, which is lost."""


def lose_broker_and_database(night: StationNight) -> None:
    """From before the begin of the run until after its second start; the parts that serve users die meanwhile."""
    station, pids = night.station, night.station.running_pids()
    with night.broker.gone(), station.database.locked():
        for part in ("web", "jobs", "beat"):
            os.kill(pids[part], signal.SIGKILL)
        night.run.wait_until(night.run.start_of(1))
        eventually(lambda: len(night.waiting_records()) >= 3, "the state and two captures wait in the spool")
    night.eventually_all_run()


def unplug(night: StationNight) -> None:
    night.set_faults(disconnect=True)
    eventually(lambda: night.station.cameras.observed() == "reconnecting", "the camera is reconnecting")
    night.pass_a_start()
    night.set_faults()
    night.eventually_saved(night.run.next_index() - 1)


def hang(night: StationNight) -> None:
    """At the next start, until the recovery ladder has killed the process."""
    process = night.station.cameras.pid()
    night.set_faults(hang=1)
    night.station.cameras.pid(other_than=process)
    night.eventually_saved(night.run.next_index())


def kill_camera_process(night: StationNight) -> None:
    process = night.station.cameras.pid()
    kill(night.station, "camera")
    night.station.cameras.pid(other_than=process)
    night.eventually_saved(night.run.next_index())


def fill_disk(night: StationNight) -> None:
    night.disk.fill()
    night.pass_a_start()
    night.disk.empty()
    night.eventually_saved(night.run.next_index() - 1)


def close_gate(night: StationNight) -> None:
    night.rain.set(WET)
    night.eventually_gate(is_open=False)
    night.pass_a_start()
    night.rain.set(DRY)
    night.eventually_gate(is_open=True)
    night.eventually_saved(night.run.next_index() - 1)


def set_wall_clock(night: StationNight) -> None:
    """An hour back, and right again once a capture was taken with the wrong clock."""
    night.clock.set(-HOUR_S)
    eventually(lambda: min(night.run.clock_jumps_s(), default=0.0) < -HOUR_S / 2, "a capture knows of the wrong clock")
    night.clock.set(0)
    night.eventually_saved(night.run.next_index())


def cut_power(night: StationNight) -> None:
    night.broker.kill()
    kill(night.station, "all")
    night.broker.start()
    night.station.eventually_says("Skycam is at")
    night.eventually_all_run()
    night.eventually_saved(night.run.next_index())


DUSK = "broker and database away"
FAULTS: dict[str, StationFault] = {
    DUSK: StationFault(lose_broker_and_database),
    "unplugged camera": StationFault(unplug, frozenset({"camera_unreachable"}), always_costs=True),
    "hung camera": StationFault(hang, frozenset({"camera_hung"}), always_costs=True),
    "killed camera process": StationFault(kill_camera_process, frozenset({"interrupted"})),
    "full disk": StationFault(fill_disk, frozenset({"disk_full"}), always_costs=True),
    "closed gate": StationFault(close_gate, frozenset({"unsafe"}), always_costs=True),
    "wrong clock": StationFault(set_wall_clock),
    "power cut": StationFault(cut_power, frozenset({"interrupted"})),
}
