"""The page of events and alerts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse

from core.api.paging import Cursor, beyond
from core.pages.page import Page, redirect_back
from monitoring.feed import fold_events
from monitoring.models import Alert, Event, Severity
from monitoring.selectors import MANAGER_ONLY_KINDS, alerts_for, events_for
from monitoring.services import acknowledge_alert

ROWS = 100
KINDS = {
    "alert": "alerts",
    "archive": "archives",
    "camera": "cameras",
    "capture": "captures",
    "command": "commands",
    "experiment": "experiments",
    "files": "exports and actions of the archive admin",
    "gate": "gates",
    "job": "jobs",
    "live": "live view",
    "night": "reports of nights",
    "offsite": "off-site copies",
    "part": "restarts",
    "recording": "recordings",
    "schedule": "schedules",
    "session": "sessions",
    "spool": "spool",
    "station": "station",
    "storage": "storage",
    "user": "users",
    "webhook": "web-hooks",
}
"""The part of a kind before its dot -> its name in the filter."""


class EventsPage(Page):
    """Events, newest first. The filters are in the URL."""

    template = "events.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: searchable(request.GET.get(name, "")) for name in ("camera", "severity", "kind")}
        chosen["kind"] = chosen["kind"].removesuffix(".")  # links from older versions
        events = self._page(request.GET.get("before", ""), chosen)
        return self.render(
            {
                "lines": list(fold_events(events[:ROWS])),
                "older": older_query(events, chosen),
                "chosen": chosen,
                "severities": {severity: severity for severity in Severity.values},
                "kinds": kinds_for(request.user, chosen["kind"]),
                "alerts": list(alerts_for(request.user).exclude(state=Alert.State.RESOLVED)),
            }
        )

    def _page(self, before: str, chosen: dict[str, str]) -> list[Event]:
        """One page of events. 404 for a bad cursor."""
        try:
            cursor = Cursor.parse(before) if before else None
        except ValueError:
            raise Http404 from None
        conditions = {name: value for name, value in chosen.items() if value and name != "kind"}
        rows = events_for(self.request.user).filter(**conditions)
        if kind := chosen["kind"]:
            # `command` is a kind itself, and the beginning of `command.done`. The dot keeps `live` from matching
            # another word.
            rows = rows.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}."))
        return list(beyond(rows, "at", cursor).order_by("-at", "-id")[: ROWS + 1])


def older_query(events: list[Event], chosen: dict[str, str]) -> str:
    """The query of the next page with the same filters; empty for the last page."""
    if len(events) <= ROWS:
        return ""
    last = events[ROWS - 1]
    return urlencode({**chosen, "before": Cursor(last.at, last.pk, newer=False).text()})


def kinds_for(user: Any, chosen: str) -> dict[str, str]:
    """The kinds of which `user` may see events, and the one that is chosen."""
    hidden = set() if user.may("manager") else {kind.removesuffix(".") for kind in MANAGER_ONLY_KINDS}
    kinds = {kind: name for kind, name in KINDS.items() if kind not in hidden}
    # A link may choose a single kind, such as `live.ended`.
    return kinds if not chosen or chosen in kinds else {chosen: chosen, **kinds}


def searchable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses in a query."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class AcknowledgePage(Page):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, alert: UUID) -> HttpResponse:
        """Mark the alert as seen."""
        found = alerts_for(request.user).filter(pk=alert).first()
        if found is None:
            raise Http404
        acknowledge_alert(found, self.actor)
        return redirect_back(request)


def open_alerts(user: Any) -> list[Alert]:
    """Alerts that no one has acknowledged, the most severe first."""
    rank = {value: place for place, value in enumerate(reversed(Severity.values))}
    found = list(alerts_for(user).filter(state=Alert.State.OPEN))
    return sorted(found, key=lambda alert: (rank[alert.severity], alert.opened_at))
