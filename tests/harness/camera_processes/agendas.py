"""The agenda of one camera, with a real spool and a clock that the test controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cameras.runtime.agenda_runs import AgendaRuns, CameraHolders
from cameras.runtime.link import Reporter
from cameras.runtime.session_account import Reason
from cameras.runtime.spec import HeldLease
from cameras.spool.agenda import Agenda, OnHeld, Run, build_agenda
from cameras.spool.moments import iso
from tests.harness.camera_processes.camera_loop import RecordingLink
from tests.harness.camera_processes.sessions import SessionBench
from tests.harness.clocks.camera_clock import EVENING

RUNS = [f"0193a000-0000-7000-8000-0000000001{number:02}" for number in range(10)]


def run(number: int, begin_s: float, end_s: float, name: str = "", on_held: OnHeld = "wait", **programme: Any) -> Run:
    """The run RUNS[number], in seconds from the evening of the bench's clock."""
    return Run(
        id=RUNS[number],
        name=name or f"run {number}",
        programme={"exposure_us": 8_000_000, "cadence_s": 60.0, **programme},  # type: ignore[typeddict-item]
        windows=[(iso(EVENING + begin_s), iso(EVENING + end_s))],
        created_by="the planner",
        on_held=on_held,
    )


class AgendaBench(SessionBench):
    """`wait_for_start` also begins the runs of the agenda, as the camera loop does."""

    clock_wait_s = 0.0
    ended: Reason | None = None
    """Why the process before this one ended, if the Supervisor knows it."""

    def __init__(self, folder: Path, *runs: Run) -> None:
        self.link, self.desired = RecordingLink(), build_agenda(runs) if runs else None
        super().__init__(folder)

    def start_process(self) -> None:
        super().start_process()
        self.holders = CameraHolders(self.runner, self.clock, None)
        self.agenda = AgendaRuns(
            self.runner, self.holders, self.clock, Reporter(self.link), self.clock_wait_s, self.desired
        )
        self.agenda.attach_spool(self.spool, self.ended)
        # The Supervisor may be away when the process starts again.
        self.desired = None

    def replace(self, *runs: Run) -> None:
        self.agenda.replace(build_agenda(runs))

    def hold(self, user: str, for_s: float) -> None:
        """The lease of a user, for `for_s` seconds from now."""
        self.holders.replace_lease(HeldLease(held_by=user, until_boot_s=self.clock.boot_s + for_s))

    def due(self, *, unreachable: bool = False) -> Any:
        self.agenda.begin_due_run()
        return super().due(unreachable=unreachable)

    def go_on_until(self, seconds: float, step_s: float = 1.0) -> None:
        """Capture what is due until this number of seconds after the evening, with a look at least each `step_s`."""
        while self.clock.wall < EVENING + seconds:
            due = self.due()
            if due is not None and due.in_s <= 0:
                self.shoot()
            else:
                self.clock.wait(min(step_s, due.in_s) if due else step_s)

    def states(self) -> list[tuple[str, str]]:
        """Session and state of each change."""
        return [(record["session"], record["state"]) for record in self.records("session")]

    def gaps(self) -> list[tuple[str, int, str]]:
        """Session, count and reason of each gap."""
        return [(gap["session"], gap["count"], gap["reason"]) for gap in self.records("gap")]


def content(agenda: Agenda) -> set[str]:
    return {planned["id"] for planned in agenda["runs"]}
