"""The list of experiments, and the pages of one experiment with its files, its state, and its steps from the plan to
the archive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone

from cameras.camera_display import StateDisplay
from cameras.selectors import UnknownCamera, cameras_for, hidden_ids
from captures.capturing.selectors import captures_for
from captures.days import parse_cursor
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import ExperimentQuery
from captures.experiments.selectors import NOT_ALL_SEEN, experiment_for, experiments_for, filtered
from captures.experiments.service import ExperimentService
from captures.experiments.states import EXPERIMENT_TRANSITIONS, ExperimentState
from captures.pages.archives.pages import archive_displays
from captures.pages.camera.cards import Card, cards_of
from captures.pages.experiments.account import accounts_of
from captures.pages.experiments.forms import AttachmentForm, NoteForm
from captures.pages.experiments.timeline import run_of
from captures.recordings.clips.pages import Choice
from captures.recordings.clips.selectors import clips_for
from captures.storage.archives.bodies import archive_body
from captures.storage.archives.selectors import archives_for
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import events_for
from core.pages import Page
from core.templatetags.skycam import clock_text, datetime_text, duration
from core.text.names import person

ROWS = 50
FILTERS = ("state", "camera", "tag", "search")


class ExperimentsPage(Page):
    template = "experiments/experiments.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: request.GET.get(name, "").strip() for name in FILTERS}
        found = self._page(chosen, request.GET.get("before", ""))
        more = len(found) > ROWS
        return self.render(
            {
                "displays": displays_for(request.user, found[:ROWS]),
                "chosen": chosen,
                "is_narrowed": any(chosen.values()),
                "states": state_choices(chosen),
                "cameras": {camera.slug: camera.name for camera in cameras_for(request.user)},
                "older": list_link({**chosen, "before": cursor_of(found[ROWS - 1])}) if more else "",
            }
        )

    def _page(self, chosen: dict[str, str], before: str) -> list[Experiment]:
        query = ExperimentQuery.lenient(chosen)
        user, camera = self.request.user, chosen["camera"] or None
        try:
            found = filtered(experiments_for(user), user, **query.conditions(), camera=camera)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        return list(beyond(found, "created_at", parse_cursor(before)).order_by("-created_at", "-id")[: ROWS + 1])


def state_choices(chosen: dict[str, str]) -> list[Choice]:
    states = [("", "All"), *((state, display.label) for state, display in STATES.items())]
    return [Choice(label, list_link({**chosen, "state": state}), chosen["state"] == state) for state, label in states]


def list_link(values: dict[str, str]) -> str:
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def cursor_of(last: Experiment) -> str:
    return Cursor(last.created_at, last.pk, newer=False).text()


NEWEST = 20
FILE_ROWS = 100
EVENTS = 12


class ExperimentPageBase(Page):
    """A page of the experiment in the address."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Experiment.DoesNotExist:
            raise Http404("No such experiment.") from None

    def experiment(self) -> Experiment:
        """Experiment.DoesNotExist also for one of which the user may see no camera."""
        return experiment_for(self.request.user, self.kwargs["experiment"])

    def display(self) -> ExperimentDisplay:
        return displays_for(self.request.user, [self.experiment()])[0]

    @property
    def service(self) -> ExperimentService:
        return ExperimentService(self.request.user, self.actor)


class ExperimentPage(ExperimentPageBase):
    template = "experiments/experiment.html"

    def get(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        return self.show()

    def show(self, status: int = 200, **forms: Any) -> HttpResponse:
        """The whole page; `forms` are those with errors."""
        context = {"note_form": NoteForm(), "attachment_form": AttachmentForm(), **forms}
        return self.render({**context, **self.refreshed_context(self.display())}, status=status)

    def refreshed_context(self, display: ExperimentDisplay) -> dict[str, Any]:
        user, experiment = self.request.user, display.experiment
        cards = self._cards(display)
        accounts = accounts_of(experiment, display.places, {card.camera.pk: card.display for card in cards})
        notes = list(experiment.notes.all())
        clips = list(clips_for(user).filter(experiment=experiment.pk).order_by("-started_at", "-id")[: NEWEST + 1])
        captures = captures_for(user).filter(experiment=experiment.pk).exclude(status="planned")
        newest = list(captures.order_by("-started_at", "-id")[: NEWEST + 1])
        archive = archive_context(experiment, user)
        changes = display.changes_by_itself or archive["archive_grows"]
        now = resolve_url("experiment-now", experiment.pk) if changes else resolve_url("now")
        return {
            "display": display,
            "now_address": now,
            "experiment": experiment,
            "steps": steps_of(display, archive["archive_state"]),
            "accounts": accounts,
            "troubles": [one for one in accounts if one.trouble],
            "run": run_of(experiment, accounts, notes),
            "cards": cards,
            "notes": notes[::-1],
            "attachments": list(experiment.attachments.all()),
            "clips": clips[:NEWEST],
            "more_clips": len(clips) > NEWEST,
            "captures": newest[:NEWEST],
            "more_captures": len(newest) > NEWEST,
            **archive,
            "events": list(events_for(user).filter(subject=str(experiment.pk))[:EVENTS]),
        }

    def _cards(self, display: ExperimentDisplay) -> list[Card]:
        """Of its cameras, while it runs."""
        if not display.runs:
            return []
        wanted = [place.camera_id for place in display.places]
        cards = {card.camera.pk: card for card in cards_of(cameras_for(self.request.user).filter(pk__in=wanted))}
        return [cards[pk] for pk in wanted if pk in cards]


class ExperimentNow(ExperimentPage):
    """The parts of an experiment's page that are refreshed."""

    template = "experiments/_now.html"

    def get(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        return self.render(self.refreshed_context(self.display()))


class ExperimentFilesPage(ExperimentPageBase):
    """All clips or captures of an experiment that the user may see, newest first."""

    template = "experiments/files.html"
    title: ClassVar[str]
    table: ClassVar[str]

    def get(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        display = self.display()
        cursor = parse_cursor(request.GET.get("before", ""))
        found = list(
            beyond(self.files(display.experiment), "started_at", cursor).order_by("-started_at", "-id")[: FILE_ROWS + 1]
        )
        older = ""
        if len(found) > FILE_ROWS:
            last = found[FILE_ROWS - 1]
            older = f"?{urlencode({'before': Cursor(last.started_at, last.pk, newer=False).text()})}"
        return self.render(
            {
                "title": self.title, "table": self.table, "display": display, "experiment": display.experiment,
                "files": found[:FILE_ROWS], "older": older,
            }
        )  # fmt: skip

    def files(self, experiment: Experiment) -> Any:
        raise NotImplementedError


class ExperimentClipsPage(ExperimentFilesPage):
    title = "Clips"
    table = "experiments/_clip_table.html"

    def files(self, experiment: Experiment) -> Any:
        return clips_for(self.request.user).filter(experiment=experiment.pk)


class ExperimentCapturesPage(ExperimentFilesPage):
    title = "Captures"
    table = "experiments/_capture_table.html"

    def files(self, experiment: Experiment) -> Any:
        return captures_for(self.request.user).filter(experiment=experiment.pk).exclude(status="planned")


def archive_context(experiment: Experiment, user: Any) -> dict[str, Any]:
    """What the panel shows; `archive` is None before one was requested."""
    archive = archives_for(user).filter(experiment=experiment).first()
    body = archive_body(archive, user) if archive else None
    return {
        "archive": body,
        "archive_grows": body is not None and body["state"] in {"waiting", "copying"},
        "archive_state": archive_displays(user, [archive])[0].state_display if archive else None,
        "archive_files": sum(body["files"].values()) if body else 0,
    }


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
    hidden = hidden_ids(user)
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
