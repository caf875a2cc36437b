"""A telescope's night in a camera process, with a real spool and a clock that the test controls."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import uuid6

from cameras.spool.records import Plan
from cameras.spool.recovery import failed_record
from cameras.spool.spool import Spool
from scheduler.telescope.night.field_lists import EarlierObservation, FieldListContent, write_list
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.night_programme import NightProgramme, Rule
from scheduler.telescope.night.sky import TelescopeSite, wall_seconds
from tests.harness.camera_processes.sessions import CAMERA, ROOT, SESSION, SessionBench

EVENING = date(2026, 11, 20)
SITE = TelescopeSite()
READOUT_S = 25.0
NONE_LEFT = "No field is left to observe."


class Exposed(NamedTuple):
    """An exposure that has ended."""

    plan: Plan
    began: float
    """Seconds since 1970."""


class Observation(NamedTuple):
    """What was observed: the comment of the field, and when."""

    name: str
    at: str


class NightBench(SessionBench):
    """Exposures take the time of their fields, and READOUT_S."""

    def __init__(self, folder: Path, text: str, rule: Rule = "priority", add_file: str = "") -> None:
        self._root = folder
        self.night: Night = night_of(SITE, EVENING)
        self.revision = 0
        begin, end = (datetime.fromtimestamp(wall_seconds(jd), UTC) for jd in (self.night.sunset, self.night.sunrise))
        telescope = NightProgramme(
            field_list="0193a000-0000-7000-8000-00000000000f", name="tonight", evening=EVENING.isoformat(),
            site=(SITE.latitude, SITE.longitude, SITE.elevation), rule=rule, add_file=add_file, clears=True,
            start_over=False,
        )  # fmt: skip
        super().__init__(
            folder, 300.0, kind="telescope", delay_s=0.0, telescope=telescope,
            windows=[(begin.isoformat(), end.isoformat())],
        )  # fmt: skip
        self.clock.set_wall(wall_seconds(self.night.sunset) - 60.0 - self.clock.wall)
        self.bad_weather = False
        self.change_list(text)
        self.apply_desired()

    def change_list(self, text: str, added: str = "", observed: list[EarlierObservation] | None = None) -> None:
        """The station sends a list, with what earlier sessions have observed."""
        self.revision += 1
        found = self.programme["telescope"]["field_list"]
        content = FieldListContent(found, "tonight", self.revision, text, added, observed or [])
        write_list(Spool(self.files, CAMERA), SESSION, content)

    def due(self, *, unreachable: bool = False) -> Any:
        return self.runner.next_due(
            self.readout_s, unreachable=unreachable, overlaps=self.overlaps, bad_weather=self.bad_weather
        )

    def wait_for_start(self) -> bool:
        """False when the night is over. Once all is observed, it looks again a minute before sunrise, and not each ten
        seconds."""
        while (due := self.due()) and due.in_s > 0:
            self.clock.wait(max(due.in_s, self._idle_s()))
        return due is not None

    def _idle_s(self) -> float:
        session = self.runner.describe_session()
        if session is None or session["waits"] != NONE_LEFT:
            return 0.0
        return wall_seconds(self.night.sunrise) - 60.0 - self.clock.wall

    def plan(self) -> Plan:
        due, now = self.next(), self.clock.moment()
        capture = str(uuid6.uuid7())
        plan = Plan(
            id=capture, camera=CAMERA, slug="mosaic", session=due.session, index=due.index, planned=now.iso(),
            boot=now.boot, boot_s=now.boot_s, deadline_s=900.0, path=f"captures/mosaic/{capture}", asked=due.requested,
            requested_by="", job="", observation=due.observation,
        )  # fmt: skip
        self.runner.mark_planned(due.index)
        self.spool.plan(plan)
        return plan

    def observe(self, outcome: Any = "saved") -> Observation | None:
        """One exposure, from the wait to its record; None when the night is over."""
        if not self.wait_for_start():
            return None
        plan = self.plan()
        return self.record(self.expose_planned(plan), outcome)

    def expose_planned(self, plan: Plan) -> Exposed:
        began = self.clock.wall
        self.clock.go_on(plan["asked"]["exposure_us"] / 1e6 + READOUT_S)
        return Exposed(plan, began)

    def record(self, exposed: Exposed, outcome: Any = "saved") -> Observation:
        record = failed_record(
            exposed.plan, ROOT, "" if outcome == "saved" else "camera_error", "", outcome, now=self.clock.wall
        )
        record["body"]["started"] = datetime.fromtimestamp(exposed.began, UTC).isoformat()
        self.spool.commit(record)
        self.runner.settle_capture(self.spool, record)
        self.spool.done(record)
        return Observation(
            exposed.plan["asked"]["options"]["comment"], f"{datetime.fromtimestamp(exposed.began, UTC):%H:%M:%S}"
        )

    def observe_all(self) -> list[Observation]:
        found = []
        while (one := self.observe()) is not None:
            found.append(one)
        return found

    def records_folder(self) -> Path:
        return self._root / "telescope" / "sim" / EVENING.isoformat()
