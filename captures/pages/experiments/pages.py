"""The list of experiments, and the pages of one experiment with its files."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from cameras.selectors import UnknownCamera, cameras_for
from captures.capturing.selectors import captures_for
from captures.days import parse_cursor
from captures.experiments.models import Experiment
from captures.experiments.resource import ExperimentQuery
from captures.experiments.selectors import experiment_for, experiments_for, filtered
from captures.experiments.service import ExperimentService
from captures.pages.archives.listing import archive_displays
from captures.pages.camera.cards import Card, cards_of
from captures.pages.experiments.account import accounts_of
from captures.pages.experiments.display import STATES, ExperimentDisplay, displays_for, steps_of
from captures.pages.experiments.forms import AttachmentForm, NoteForm
from captures.pages.experiments.timeline import run_of
from captures.recordings.clips.pages import Choice
from captures.recordings.clips.selectors import clips_for
from captures.storage.archives.bodies import archive_body
from captures.storage.archives.selectors import archives_for
from core.api.paging import beyond
from core.api.queries import Cursor
from core.events.selectors import events_for
from core.pages.page import Page

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
