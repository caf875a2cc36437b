"""An experiment as pages show it: its state, and its steps from the plan to the archive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from cameras.camera_display import StateDisplay
from cameras.selectors import hidden_cameras
from captures.experiments.models import EXPERIMENT_TRANSITIONS, Experiment, ExperimentCamera
from captures.experiments.resource import ExperimentState
from captures.experiments.selectors import NOT_ALL_SEEN
from core.templatetags.skycam import clock_text, datetime_text, duration
from core.text.names import person

STATES = {
    "planned": StateDisplay("wait", "Planned"),
    "running": StateDisplay("rec", "Running", "rec"),
    "completed": StateDisplay("ok", "Completed", "ok"),
    "aborted": StateDisplay("x", "Aborted", "warn"),
    "archived": StateDisplay("seal", "Archived", "ok"),
}
RUNS_WITHOUT_RECORDING = StateDisplay("expose", "Running", "act")
LAST_CLIPS = timedelta(minutes=2)
"""How long after the end the last clips may still get their rows."""


@dataclass(frozen=True, slots=True)
class ExperimentDisplay:
    """`places` are the cameras that the reader may see."""

    experiment: Experiment
    places: list[ExperimentCamera]

    @property
    def state_display(self) -> StateDisplay:
        if self.runs and not self.experiment.record:
            return RUNS_WITHOUT_RECORDING
        return STATES[self.experiment.state]

    @property
    def locked(self) -> str:
        """Why the reader cannot change it; empty if they can."""
        return "" if len(self.places) == len(self.experiment.places.all()) else NOT_ALL_SEEN

    @property
    def moves(self) -> set[str]:
        """The states that it can get from here."""
        return EXPERIMENT_TRANSITIONS[self.experiment.state]

    @property
    def runs(self) -> bool:
        return self.experiment.state == ExperimentState.RUNNING

    @property
    def changes_by_itself(self) -> bool:
        """Whether its page may show something else a moment later."""
        if self.experiment.ended_at is None:
            return self.experiment.state in {ExperimentState.PLANNED, ExperimentState.RUNNING}
        return not self.experiment.settled or timezone.now() < post_roll_end(self.experiment) + LAST_CLIPS

    @property
    def when(self) -> str:
        """When it runs or ran, in words."""
        experiment = self.experiment
        if experiment.started_at is not None:
            begun = clock_text(experiment.started_at)
            return f"{begun} to {_end_text(experiment)}" if experiment.ended_at else f"since {begun}"
        if experiment.ended_at is not None:
            return f"never began, aborted {clock_text(experiment.ended_at)}"
        return f"begins {clock_text(experiment.planned_start)}" if experiment.planned_start else "begins by hand"

    @property
    def recording_text(self) -> str:
        """What it records by itself, in words."""
        experiment = self.experiment
        if not experiment.record:
            return "nothing by itself"
        rolls = [
            f"{duration(seconds)} {name}"
            for seconds, name in (
                (experiment.pre_roll_s, "before the start"),
                (experiment.post_roll_s, "after the end"),
            )
            if seconds
        ]
        return ", and ".join(["all its cameras", " and ".join(rolls)] if rolls else ["all its cameras"])


def _end_text(experiment: Experiment) -> str:
    """Without its date if that is the one of the start."""
    assert experiment.started_at is not None
    assert experiment.ended_at is not None
    begun, ended = timezone.localtime(experiment.started_at), timezone.localtime(experiment.ended_at)
    return f"{ended:%H:%M:%S}" if begun.date() == ended.date() else datetime_text(ended)


def post_roll_end(experiment: Experiment) -> datetime:
    """Until when the cameras of an experiment that has ended record."""
    assert experiment.ended_at is not None
    roll_s = 0.0 if experiment.state == ExperimentState.ABORTED else experiment.post_roll_s
    return experiment.ended_at + timedelta(seconds=roll_s)


def displays_for(user: Any, experiments: Iterable[Experiment]) -> list[ExperimentDisplay]:
    """With the cameras that the user may see, which one query finds for all of them."""
    hidden = {camera.pk for camera in hidden_cameras(user)}
    return [
        ExperimentDisplay(one, [place for place in one.places.all() if place.camera_id not in hidden])
        for one in experiments
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """`tone` is done, now, next or bad."""

    glyph: str
    name: str
    detail: str
    tone: str


def steps_of(display: ExperimentDisplay, archive: StateDisplay | None) -> list[Step]:
    """`archive`: the present state of its archive, which may have changed since it was complete."""
    experiment = display.experiment
    return [_planned(experiment), _running(display), _end(experiment), _archived(experiment, archive)]


def _archived(experiment: Experiment, archive: StateDisplay | None) -> Step:
    if experiment.state != ExperimentState.ARCHIVED:
        return Step("ready", "Archived", "to come", "next")
    if archive is None or archive.tone == "ok":
        return Step("seal", "Archived", "all files proven", "done")
    tone = "bad" if archive.tone in {"bad", "warn"} else "now"
    return Step(archive.glyph, "Archived", f"its archive is {archive.label.lower()} now", tone)


def _planned(experiment: Experiment) -> Step:
    detail = f"{clock_text(experiment.created_at)}, by {person(experiment.created_by)}"
    waits = experiment.state == ExperimentState.PLANNED
    return Step("wait" if waits else "ok", "Planned", detail, "now" if waits else "done")


def _running(display: ExperimentDisplay) -> Step:
    experiment = display.experiment
    if experiment.started_at is None:
        if experiment.state != ExperimentState.PLANNED:
            return Step("skip", "Running", "never began", "next")
        begins = f"begins {clock_text(experiment.planned_start)} or by hand" if experiment.planned_start else "by hand"
        return Step("ready", "Running", begins, "next")
    if not display.runs:
        return Step("ok", "Running", f"from {clock_text(experiment.started_at)}, {_who(experiment.started_by)}", "done")
    return Step(display.state_display.glyph, "Running", _progress(experiment, experiment.started_at), "now")


def _progress(experiment: Experiment, started: datetime) -> str:
    since = f"since {clock_text(started)}, {_who(experiment.started_by)}"
    if experiment.planned_end is None:
        return since
    return f"{since}; {duration(max(experiment.planned_end - timezone.now(), timedelta()))} left"


def _end(experiment: Experiment) -> Step:
    if experiment.ended_at is None:
        planned = f"at {clock_text(experiment.planned_end)} or by hand" if experiment.planned_end else "by hand"
        return Step("ready", "Complete", planned, "next")
    missed = experiment.reason == "missed"
    who = "the station was not running at its time" if missed else _who(experiment.ended_by)
    detail = f"at {clock_text(experiment.ended_at)}, {who}"
    if experiment.state == ExperimentState.ABORTED:
        return Step("x", "Aborted", detail, "bad")
    if not experiment.settled and experiment.post_roll_s:
        detail += f"; records until {clock_text(post_roll_end(experiment))}"
    return Step("ok", "Completed" if experiment.state == ExperimentState.COMPLETED else "Ended", detail, "done")


def _who(actor: str) -> str:
    return f"by {person(actor)}" if actor else "as planned"
