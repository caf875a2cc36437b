"""The event log as a page, and alerts that somebody has seen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse

from monitoring.cursor import Cursor, beyond
from monitoring.feed import fold_events
from monitoring.models import Alert, Event, Severity
from monitoring.page import Page, redirect_back
from monitoring.selectors import MANAGER_ONLY_KINDS, alerts_for, events_for
from monitoring.services import acknowledge_alert

ROWS = 100
KINDS = {
    "alert": "alerts",
    "camera": "cameras",
    "capture": "captures",
    "command": "commands",
    "live": "live view",
    "part": "restarts",
    "recording": "recordings",
    "session": "sessions",
    "spool": "spool",
    "station": "station",
    "storage": "storage",
    "user": "users",
}
"""What stands before the dot of a kind -> its name in the filter."""


class EventsPage(Page):
    """What happened, newest first. The filters stand in the address."""

    template = "events.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: searchable(request.GET.get(name, "")) for name in ("camera", "severity", "kind")}
        chosen["kind"] = chosen["kind"].removesuffix(".")  # as older links have it
        events = self._page(request.GET.get("before", ""), chosen)
        return self.render(
            {
                "lines": list(fold_events(events[:ROWS])),
                "before": Cursor(events[ROWS - 1].at, events[ROWS - 1].pk, newer=False).text()
                if len(events) > ROWS
                else "",
                "chosen": chosen,
                "severities": Severity.values,
                "kinds": kinds_for(request.user),
                "alerts": list(alerts_for(request.user).exclude(state=Alert.State.RESOLVED)),
            }
        )

    def _page(self, before: str, chosen: dict[str, str]) -> list[Event]:
        """404 for an address that was made up."""
        try:
            cursor = Cursor.parse(before) if before else None
        except ValueError:
            raise Http404 from None
        conditions = {name: value for name, value in chosen.items() if value and name != "kind"}
        rows = events_for(self.request.user).filter(**conditions)
        if kind := chosen["kind"]:
            rows = rows.filter(Q(kind=kind) | Q(kind__startswith=f"{kind}."))
        return list(beyond(rows, "at", cursor).order_by("-at", "-id")[: ROWS + 1])


def kinds_for(user: Any) -> dict[str, str]:
    """Those of which `user` may see any."""
    hidden = set() if user.may("manager") else {kind.removesuffix(".") for kind in MANAGER_ONLY_KINDS}
    return {kind: name for kind, name in KINDS.items() if kind not in hidden}


def searchable(text: str) -> str:
    """PostgreSQL does not even look for NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class AcknowledgePage(Page):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, alert: UUID) -> HttpResponse:
        """A person has seen the alert."""
        found = alerts_for(request.user).filter(pk=alert).first()
        if found is None:
            raise Http404
        acknowledge_alert(found, self.actor)
        return redirect_back(request)


def open_alerts(user: Any) -> list[Alert]:
    """What nobody has seen yet, the most severe first."""
    rank = {value: place for place, value in enumerate(reversed(Severity.values))}
    found = list(alerts_for(user).filter(state=Alert.State.OPEN))
    return sorted(found, key=lambda alert: (rank[alert.severity], alert.opened_at))
