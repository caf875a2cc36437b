"""Each task of the table of periodic work with its last run: for the page Status, and for `skycam doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings

from cameras.camera_display import StateDisplay
from core.broker.broker import BrokerDown
from core.periodic.part_tasks import (
    PartReport,
    Place,
    RunReport,
    RunState,
    read_reports,
    since_last_run_s,
    state_of,
)
from core.periodic.task import Owner, PeriodicTask
from core.templatetags.skycam import duration

DISPLAYS = {
    RunState.FAILING: StateDisplay("bad", "Failing", "bad"),
    RunState.LATE: StateDisplay("warn", "Late", "warn"),
    RunState.RUNNING: StateDisplay("wait", "Running"),
    RunState.WAITING: StateDisplay("ready", "Not yet"),
    RunState.OK: StateDisplay("ok", "OK", "ok"),
}
"""The worst first: that of a task which several hosts do."""
OFF = StateDisplay("off", "Off")
NO_REPORT = StateDisplay("stale", "No report", "warn")
UNKNOWN = StateDisplay("stale", "Unknown", "warn")
WORST = list(DISPLAYS)
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Run(NamedTuple):
    """A thread somewhere, and how it is doing."""

    place: Place
    report: RunReport
    state: RunState
    ended_at: datetime | None
    """Its last run without an error."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    task: PeriodicTask
    interval: str
    where: str
    """`jobs of main, dome`."""
    ended_at: datetime | None
    """The last run; of several hosts, that which is the longest ago."""
    state_display: StateDisplay
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeriodicStatus:
    rows: list[TaskRow]
    """In the order of the table, after those that are not on time, fail or are unknown."""

    @property
    def wanted(self) -> list[TaskRow]:
        """Those that the configuration and the hardware give something to do."""
        return [row for row in self.rows if row.state_display is not OFF]

    @property
    def late(self) -> list[TaskRow]:
        """Those that are not on time, fail or are unknown."""
        return [row for row in self.rows if not is_on_time(row)]


def is_on_time(row: TaskRow) -> bool:
    return row.state_display.tone not in {"warn", "bad"}


def read_periodic_status(hosts: Sequence[str], alive: Iterable[str], *, names_subjects: bool) -> PeriodicStatus:
    """Of `hosts`; those `alive` should report. `names_subjects`: whether the names of gates may be shown."""
    tasks = list(settings.PERIODIC_TASKS.values())
    parts = sorted({task.part for task in tasks if task.part})
    try:
        reports = read_reports(Place(host, part) for host in hosts for part in parts)
    except BrokerDown:
        return PeriodicStatus([TaskRow(task, interval_text(task), "", None, UNKNOWN) for task in tasks])
    silent = [host for host in alive if not all(Place(host, part) in reports for part in parts)]
    rows = [task_row(task, reports, silent, names_subjects=names_subjects) for task in tasks]
    return PeriodicStatus(sorted(rows, key=is_on_time))


def task_row(
    task: PeriodicTask, reports: Mapping[Place, PartReport], silent: Sequence[str], *, names_subjects: bool
) -> TaskRow:
    runs = [
        run_of(task, place, report["at"], run)
        for place, report in reports.items()
        for run in report["runs"]
        if run["task"] == task.name
    ]
    if task.owner is Owner.STATION:
        runs = runs and [min(runs, key=lambda run: since_last_run_s(run.report))]
    is_done_elsewhere = task.owner is Owner.STATION and runs
    missing = [] if is_done_elsewhere else [host for host in silent if is_missing(task, host, reports)]
    troubled = [run for run in runs if run.state in {RunState.FAILING, RunState.LATE}]
    return TaskRow(
        task,
        interval_text(task),
        where(task, runs),
        min((run.ended_at for run in runs if run.ended_at is not None), default=None),
        display_of(runs, troubled, missing),
        (
            *(trouble(run, names_subjects=names_subjects) for run in troubled),
            *(f"{host}: its part {task.part} reports nothing." for host in missing),
        ),
    )


def is_missing(task: PeriodicTask, host: str, reports: Mapping[Place, PartReport]) -> bool:
    return bool(task.part) and Place(host, task.part) not in reports


def run_of(task: PeriodicTask, place: Place, at: float, run: RunReport) -> Run:
    ended_at = None if run["idle_s"] is None else datetime.fromtimestamp(at - run["idle_s"], UTC)
    return Run(place, run, state_of(task, run), ended_at)


def display_of(runs: Sequence[Run], troubled: Sequence[Run], missing: Sequence[str]) -> StateDisplay:
    if missing and not troubled:
        return NO_REPORT
    return DISPLAYS[min((run.state for run in runs), key=WORST.index)] if runs else OFF


def trouble(run: Run, *, names_subjects: bool) -> str:
    """`dome: late, its last run ended 3 min ago.`"""
    name = f"{run.place.host}, {run.report['subject']}" if names_subjects and run.report["subject"] else run.place.host
    if run.state is RunState.FAILING:
        error = f"its last run failed ({run.report['error']})"
        return f"{name}: {error}. The log of the part {run.place.part} has the reason."
    if run.report["running_s"] is not None:
        return f"{name}: this run began {duration(run.report['running_s'])} ago."
    if run.report["idle_s"] is None:
        return f"{name}: it has not run since its part started {duration(run.report['known_s'])} ago."
    return f"{name}: its last run ended {duration(run.report['idle_s'])} ago."


def where(task: PeriodicTask, runs: Sequence[Run]) -> str:
    parts = sorted({run.place.part for run in runs}) or [task.part or "each part"]
    hosts = sorted({run.place.host for run in runs})
    return f"{', '.join(parts)} of {', '.join(hosts)}" if hosts else ", ".join(parts)


def interval_text(task: PeriodicTask) -> str:
    """`0.25 s`, `10 min`, `1 d`: each is a whole number of its unit."""
    if task.interval_s is None:
        return "as set"
    size, unit = next((size, unit) for size, unit in UNITS if task.interval_s >= size or size == 1)
    return f"{task.interval_s / size:g} {unit}"
