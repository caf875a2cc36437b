"""The list of experiments, newest first. The filters are in the address."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse

from cameras.selectors import cameras_for
from cameras.visibility import UnknownCamera
from captures.days.parameters import parse_cursor
from captures.experiments.models import Experiment
from captures.experiments.resource import ExperimentQuery
from captures.experiments.selectors import experiments_for, filtered
from captures.pages.experiments.display import STATES, displays_for
from captures.recordings.clips.pages import Choice
from core.api.paging import beyond
from core.api.queries import Cursor
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
                "older": link_of({**chosen, "before": cursor_of(found[ROWS - 1])}) if more else "",
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
    return [Choice(label, link_of({**chosen, "state": state}), chosen["state"] == state) for state, label in states]


def link_of(values: dict[str, str]) -> str:
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def cursor_of(last: Experiment) -> str:
    return Cursor(last.created_at, last.pk, newer=False).text()
