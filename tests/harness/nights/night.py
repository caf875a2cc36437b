"""A whole night of one camera in this process, on a clock of its own.

Planner, agenda, programme, exposure control, gates, the real camera loop and its spool on a small disk, and the ingest
into the test's database. The test plays the Supervisor: it starts the next camera process after one was killed. All of
it runs on one thread, apart from the still thread, for which the clock waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import uuid6

from cameras.drivers.base import Exposure, ExposureRequest
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.spool.agenda import Run, build_agenda
from cameras.spool.records import Programme
from captures.models import Session
from core.times.timestamps import stamp
from scheduler.planning.rules import ScheduleRule, Site, SunRule
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.nights.clock import NightClock
from tests.harness.nights.faults import FAULTS, Killed
from tests.harness.nights.gates import SEND_S, RainGate
from tests.harness.planning.schedules import plan_of
from tests.harness.rows.archive import Archive
from tests.harness.waiting import PATIENCE_S

MUNICH = Site(48.0, 11.0, 500.0, "Europe/Berlin")
NIGHT = date(2027, 1, 7)
"""At the new Moon."""
LEAD_S = 60.0
"""The night begins this long before its run."""
INGEST_S = 300.0
MARGIN_S = 2.0
RESERVE_BYTES = 2**20
PROGRAMME: Programme = {
    "exposure_us": 1_000_000, "f_number": 1.4, "iso": 800, "cadence_s": 60.0,
    "control": {
        "target": 0.3, "measure": "mean", "exposure_us": [20, 25_000_000], "iso": [100, 3200], "f_number": [1.4, 16],
        "order": ["exposure_us", "f_number", "iso"], "damping": 0.3, "hysteresis_ev": 0.25,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that begins at this second of the night."""

    name: str
    at_s: float

    def covers(self, elapsed_s: float) -> bool:
        """Whether a capture of this time may be lost to it: a camera that is back is tried again within a minute, a
        gate opens a minute after the rain, and a process starts again."""
        return self.at_s - 30.0 <= elapsed_s <= self.at_s + FAULTS[self.name].lasts_s + 150.0


def faults_of(names: Sequence[str], hours: float, offsets: Sequence[int] = ()) -> list[Planned]:
    """One fault after the other, spread over the hours. `offsets`: the second of the minute in which each begins; 10
    by default, when a long exposure runs."""
    each_s = hours * 3600.0 / len(names)
    seconds = offsets or [10] * len(names)
    return [
        Planned(name, number * each_s // 60 * 60 + second)
        for number, (name, second) in enumerate(zip(names, seconds, strict=True))
    ]


class HangingDriver(SimulatedDriver):
    """After `hang_next` its next exposure never returns: the recovery ladder kills the process after a while."""

    hangs = False

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        if self.hangs:
            # Exposure and readout, the margin, and the steps of the ladder until the kill.
            self.clock.wait((request.exposure_us or 0) / 1e6 + MARGIN_S + 5.0)
            raise Killed("camera_hung", "The camera hung while exposing; its process was killed.")
        return super().expose(request, deadline)


class SimulatedNight:
    def __init__(self, archive: Archive, disk: SmallDisk, hours: float, faults: Iterable[Planned] = ()) -> None:
        """`hours`: the length of the run, which begins with the civil dusk."""
        rule = ScheduleRule("a", "Dark sky", (str(archive.camera.pk),), PROGRAMME, SunRule(-6.0))
        [run] = plan_of(rule, night=NIGHT.isoformat(), site=MUNICH).runs
        self.begin, self.end = run.begin.timestamp(), min(run.end.timestamp(), run.begin.timestamp() + hours * 3600)
        window = (stamp(run.begin), stamp(datetime.fromtimestamp(self.end, UTC)))
        self.session = str(uuid6.uuid7())
        self._agenda = build_agenda([Run(self.session, run.name, run.programme, [window], run.created_by)])
        self.archive, self.disk, self.faults = archive, disk, list(faults)
        self.clock = NightClock(self.begin - LEAD_S)
        self.clock.kernel_says = "synchronised"
        self.gates = RainGate(self.clock)
        self._is_database_there = True
        self._over_s = LEAD_S + self.end - self.begin + 3 * INGEST_S
        self._bench: CameraLoopBench | None = None

    def run(self) -> None:
        """Until the run has ended. The camera process is started again after each kill."""
        self._repeat(SEND_S, self._send_gates)
        self._repeat(INGEST_S, self._ingest)
        for fault in self.faults:
            self.clock.at(fault.at_s, lambda fault=fault: FAULTS[fault.name].begin(self))
            self.clock.at(fault.at_s + FAULTS[fault.name].lasts_s, lambda fault=fault: FAULTS[fault.name].end(self))
        decided: Any = None
        while self.clock.elapsed_s < self._over_s:
            decided = self._run_process(decided)
        self.archive.ingest()

    def _repeat(self, every_s: float, action: Any) -> None:
        def act() -> None:
            # First: the action may end the camera process.
            self.clock.at(self.clock.elapsed_s + every_s, act)
            action()

        self.clock.at(0.0, act)

    def _run_process(self, decided: Any) -> Any:
        """One camera process, until it is killed or the night is over. Returns what the Supervisor knows of its end."""
        driver = HangingDriver("", self.clock)
        driver.set_site(MUNICH.latitude, MUNICH.longitude, MUNICH.elevation)
        self._driver = driver
        bench = CameraLoopBench(
            self.archive.folder, self.clock, driver, camera=str(self.archive.camera.pk), slug="sim",
            settings={"scene": "allsky", "width": 320, "height": 240},
            site={"latitude": MUNICH.latitude, "longitude": MUNICH.longitude, "elevation": MUNICH.elevation,
                  "time_zone": MUNICH.time_zone},
            agenda=self._agenda, clock_wait_s=120.0, margin_s=MARGIN_S, decided_outcome=decided,
            disk_reserve_bytes=RESERVE_BYTES,
        )  # fmt: skip
        self.clock.settled = bench.process.stills.drain
        self._bench = bench
        self._send_gates()
        try:
            bench.process.loop.run()
        except Killed as killed:
            # The agenda is in the spool: the Supervisor may be away.
            bench.process.stills.stop(PATIENCE_S)
            bench.process.storage_holder.close()
            driver.close()
            self._bench = None
            if killed.off_s:
                self.clock.reboot(killed.off_s)
            return killed.decided
        return None

    def _send_gates(self) -> None:
        command = self.gates.command()
        if command is not None and self._bench is not None:
            self._bench.receive_command(command)
        if self._bench is not None and self.clock.elapsed_s >= self._over_s:
            self._bench.process.loop.stop()

    # What goes wrong

    def hang_next(self) -> None:
        self._driver.hangs = True

    def kill(self) -> None:
        raise Killed

    def crash(self) -> None:
        raise Killed("camera_crashed", "The camera's process crashed (SIGSEGV).")

    def cut_power(self, off_s: float) -> None:
        raise Killed(off_s=off_s)

    def unplug(self) -> None:
        self._set_faults(disconnect=True)

    def plug(self) -> None:
        self._set_faults()

    def _set_faults(self, **faults: Any) -> None:
        if self._bench is not None:
            self._bench.process.device.inject_faults(faults)

    def fill_disk(self) -> None:
        self.disk.fill()

    def empty_disk(self) -> None:
        self.disk.empty()

    def jump(self, by_s: float) -> None:
        """The wall clock is set by mistake."""
        self.clock.set_wall(by_s)
        self.clock.kernel_says = "unsynchronised"

    def jump_back(self, by_s: float) -> None:
        self.clock.set_wall(-by_s)
        self.clock.kernel_says = "synchronised"

    def rain(self, millimetres: float) -> None:
        self.gates.rain(millimetres)

    def silence_host(self, silent: bool) -> None:
        self.gates.is_silent = silent

    def lose_database(self) -> None:
        self._is_database_there = False

    def find_database(self) -> None:
        self._is_database_there = True

    def _ingest(self) -> None:
        if self._is_database_there:
            self.archive.ingest()

    # What is left

    @property
    def row(self) -> Session:
        return Session.objects.get(pk=self.session)

    @property
    def planned(self) -> int:
        """The starts of the run: one each minute, and none in its last millisecond."""
        cadence_s = PROGRAMME["cadence_s"]
        return int((self.end - self.begin - 0.001) // cadence_s) + 1

    @property
    def late_s(self) -> float:
        """How much later than the begin of its window the run has started its first capture."""
        first = self.row.captures.get(index=0)
        assert first.started_at is not None
        return first.started_at.timestamp() - self.begin

    def losses(self) -> list[tuple[int, str]]:
        """Index and reason of each capture without a picture."""
        failed = self.row.captures.exclude(status="saved").values_list("index", "reason")
        gaps = [(gap.first_index + more, gap.reason) for gap in self.row.gaps.all() for more in range(gap.count)]
        return sorted([*failed, *gaps])

    def reasons(self) -> set[str]:
        return {reason for _, reason in self.losses()}

    def badly_exposed(self) -> int:
        """Pictures that are saturated or black."""
        measured = self.row.captures.filter(status="saved").exclude(statistics=None)
        return sum(
            one["saturated"] > 0.5 or one["black"] > 0.9 for one in measured.values_list("statistics", flat=True)
        )

    def unexplained(self) -> list[str]:
        """Losses of a time without a fault that explains them."""
        found = []
        for index, reason in self.losses():
            at_s = LEAD_S + index * PROGRAMME["cadence_s"]
            causes = [fault.name for fault in self.faults if fault.covers(at_s)]
            if not any(reason in FAULTS[cause].reasons for cause in causes):
                found.append(f"capture {index} at {at_s:.0f} s: {reason}, during {causes}")
        return found
