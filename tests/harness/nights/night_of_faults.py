"""A night of a running station in real time, during which all faults happen one after the other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.harness.nights.station_faults import DUSK, FAULTS
from tests.harness.nights.station_night import StationNight
from tests.harness.stations.planned_runs import Loss


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that is over: its times are those of a right clock."""

    name: str
    began: datetime
    over: datetime

    def explains(self, loss: Loss, due: datetime, cadence_s: float) -> bool:
        """Whether a capture that was due then may be lost to it, with this reason. One before it could
        still have been taken late; the next one after it may be lost, since free space is measured each second."""
        slack = timedelta(seconds=cadence_s)
        is_in_time = self.began - slack <= due <= self.over + slack
        return is_in_time and loss.reason in FAULTS[self.name].reasons


class NightOfFaults:
    """It begins with the outage of broker and database; the order of the other faults is that of the seed. It lasts
    until all of them are over."""

    def __init__(self, night: StationNight, seed: int) -> None:
        self.night = night
        self.order = [name for name in FAULTS if name != DUSK]
        random.Random(seed).shuffle(self.order)
        self.happened: list[Happened] = []

    def happen(self) -> None:
        """All faults; then the run is stopped."""
        self.night.plan_run()
        for name in (DUSK, *self.order):
            began = datetime.now(UTC)
            FAULTS[name].happen(self.night)
            self.night.station.cameras.eventually_ready()
            self.happened.append(Happened(name, began, datetime.now(UTC)))
        self.night.run.stop()

    def unexplained(self) -> list[str]:
        """Losses that no fault of their time explains."""
        run = self.night.run
        return [
            f"capture {loss.index} at {run.start_of(loss.index):%H:%M:%S}: {loss.kind}, {loss.reason}"
            for loss in run.losses()
            if not any(fault.explains(loss, run.start_of(loss.index), run.cadence_s) for fault in self.happened)
        ]

    def story(self) -> str:
        """The faults with their times and the losses, as lines."""
        run = self.night.run
        faults = [f"{fault.began:%H:%M:%S} to {fault.over:%H:%M:%S} {fault.name}" for fault in self.happened]
        losses = [f"{run.start_of(loss.index):%H:%M:%S} {loss}" for loss in run.losses()]
        return "\n".join([f"{run.begin:%H:%M:%S} to {run.end:%H:%M:%S} the run", *faults, *losses])
