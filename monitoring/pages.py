"""The page of events and alerts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from pydantic import ValidationError

from core.api.model import error_sentence
from core.api.queries import Cursor
from core.events.models import Alert, Event
from core.events.selectors import MANAGER_ONLY_KINDS, alerts_for, fold_events
from core.events.service import acknowledge_alert
from core.events.severity import Severity
from core.pages import Page, redirect_back
from core.station_zone import reader_datetime
from core.times.time_parsing import InvalidDateTime
from monitoring.event_search import search_for
from monitoring.notifications.selectors import active_silences_for, alert_displays
from monitoring.resource import EventQuery

ROWS = 100
FILTERS = ("q", "camera", "severity", "kind", "host", "from", "to")
KINDS = {
    "alert": "alerts",
    "archive": "archives",
    "backup": "backups",
    "camera": "cameras",
    "capture": "captures",
    "command": "commands",
    "database": "database",
    "experiment": "experiments",
    "files": "archive admin",
    "gate": "gates",
    "host": "hosts",
    "job": "jobs",
    "live": "live view",
    "maintenance": "maintenance windows",
    "night": "reports of nights",
    "notification": "notifications",
    "offsite": "off-site copies",
    "part": "restarts",
    "recording": "recordings",
    "rule": "alert rules",
    "schedule": "schedules",
    "sensor": "sensors",
    "session": "sessions",
    "spool": "spool",
    "station": "station",
    "storage": "storage",
    "telescope": "telescope",
    "user": "users",
    "webhook": "web-hooks",
}
"""The part of a kind before its dot -> its name in the filter."""


class EventsPage(Page):
    """Events, newest first. The filters are in the URL."""

    template = "events.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = {name: searchable(request.GET.get(name, "")) for name in FILTERS}
        chosen["kind"] = chosen["kind"].removesuffix(".")  # links from older versions
        events, context = self._events(chosen)
        return self.render(
            {
                "lines": list(fold_events(events)),
                "chosen": chosen,
                "severities": {severity: severity for severity in Severity},
                "kinds": kinds_for(request.user, chosen["kind"]),
                "alerts": alert_displays(alerts_for(request.user).exclude(state=Alert.State.RESOLVED)),
                "silences": list(active_silences_for(request.user)),
                **context,
            }
        )

    def _events(self, chosen: dict[str, str]) -> tuple[list[Event], dict[str, Any]]:
        """One page of events with what the page says about it. Filters that contradict themselves find nothing. 404 for
        a bad cursor."""
        before = self.request.GET.get("before", "")
        try:
            cursor = Cursor.parse(before) if before else None
        except ValueError:
            raise Http404 from None
        try:
            given = given_filters(chosen)
            query = EventQuery.model_validate(given)
        except InvalidDateTime as error:
            return [], {"refusal": str(error)}
        except ValidationError as error:
            return [], {"refusal": error_sentence(error.errors()[0])}
        events, cursor = search_for(self.request.user, query).older(cursor, ROWS)
        older = urlencode({**chosen, "before": cursor.text()}) if cursor else ""
        # Where the page is not full, the search has read as many events as it may.
        searched_to = cursor.at if cursor and len(events) < ROWS else None
        return events, {"older": older, "searched_to": searched_to, "export": urlencode(given)}


def given_filters(chosen: dict[str, str]) -> dict[str, str]:
    """The filters that are not empty, as the API takes them. InvalidDateTime."""
    given = {name: value.strip() for name, value in chosen.items() if value.strip()}
    return given | {name: reader_datetime(given[name]).isoformat() for name in ("from", "to") if name in given}


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
    rank: dict[str, int] = {value: place for place, value in enumerate(reversed(Severity))}
    # Excluded, too: the index of unresolved alerts has this condition, and all pages ask for them.
    found = list(alerts_for(user).exclude(state=Alert.State.RESOLVED).filter(state=Alert.State.OPEN))
    return sorted(found, key=lambda alert: (rank[alert.severity], alert.opened_at))
