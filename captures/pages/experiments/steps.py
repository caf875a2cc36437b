"""The steps of an experiment's life: what was, what is, and what is to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from cameras.camera_display import StateDisplay
from captures.experiments.models import Experiment
from captures.experiments.resource import ExperimentState
from captures.pages.experiments.display import ExperimentDisplay, post_roll_end
from core.templatetags.skycam import clock_text, duration
from core.text.names import person


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
