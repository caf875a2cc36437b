"""The page of readings: charts of what sensors measured, with events, sessions and captures as marks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypedDict
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone

from captures.capturing.models import Capture, CaptureStatus
from captures.capturing.selectors import captures_for
from captures.sessions.models import Session
from captures.sessions.selectors import sessions_for
from core.events.models import Event
from core.events.selectors import events_for
from core.events.severity import Severity
from core.pages import Page
from core.readings.reading import QUANTITIES
from core.station_zone import reader_datetime
from core.times.time_parsing import InvalidDateTime
from core.times.timestamps import stamp, stamp_or_none
from monitoring.models import SensorChannel

RANGES = {
    "hour": ("Hour", 3600),
    "day": ("Day", 86_400),
    "week": ("Week", 604_800),
    "month": ("Month", 2_678_400),
    "year": ("Year", 31_622_400),
}
"""Range in the address -> its label and its seconds, which end now."""
DEFAULT_RANGE = "day"
MARKED_SEVERITIES = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
MAX_MARKS = 200
"""Events and sessions, each, of one answer."""
MAX_CAPTURES = 500
"""Of more captures than these none is marked: they would be one bar."""


class EventMark(TypedDict):
    at: str
    severity: str
    message: str


class SessionMark(TypedDict):
    begin: str
    end: str | None
    label: str
    url: str


class CaptureMark(TypedDict):
    at: str
    camera: str
    url: str


class ReadingsPage(Page):
    """The filters and the range are in the address. The page's script loads the readings from the API."""

    template = "readings.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        channels = SensorChannel.objects.select_related("sensor").order_by("sensor__name")
        sensors = {channel.sensor.name: channel.sensor.display_name for channel in channels}
        found = {channel.quantity for channel in channels}
        quantities = {name: quantity.label for name, quantity in QUANTITIES.items() if name in found}
        chosen = {
            "sensor": chosen_of(request, "sensor", sensors),
            "quantity": chosen_of(request, "quantity", quantities),
        }
        begin, end, error = given_range(request)
        filters = {name: value for name, value in chosen.items() if value}
        named = "" if begin and end else named_range(request)
        first = first_range(named, begin, end)
        return self.render(
            {
                "sensors": sensors,
                "quantities": quantities,
                "order": ",".join(QUANTITIES),
                "chosen": chosen,
                "filters": urlencode(filters),
                "ranges": {name: label for name, (label, _) in RANGES.items()},
                "range": named,
                "begin": begin,
                "end": end,
                "first": first,
                "first_query": urlencode({**filters, **first}),
                "error": error,
            }
        )


def named_range(request: HttpRequest) -> str:
    name = request.GET.get("range", "")
    return name if name in RANGES else DEFAULT_RANGE


def first_range(named: str, begin: datetime | None, end: datetime | None) -> dict[str, str]:
    """The ends of the range that the page opens with, as the API takes them."""
    if begin is None or end is None:
        end = timezone.now()
        begin = end - timedelta(seconds=RANGES[named][1])
    return {"from": stamp(begin), "to": stamp(end)}


def chosen_of(request: HttpRequest, name: str, options: dict[str, str]) -> str:
    """The parameter, if it is an option: the address may be of a sensor that was removed."""
    value = request.GET.get(name, "")
    return value if value in options else ""


def given_range(request: HttpRequest) -> tuple[datetime | None, datetime | None, str]:
    """`from` and `to` of the address, in the reader's time zone unless they name one; and what is wrong with them."""
    texts = [request.GET.get(name, "").strip() for name in ("from", "to")]
    if not all(texts):
        return None, None, "Give both ends of the range." if any(texts) else ""
    try:
        begin, end = map(reader_datetime, texts)
    except InvalidDateTime as error:
        return None, None, str(error)
    if begin >= end:
        return None, None, "The range must begin before it ends."
    return begin, end, ""


class ReadingMarksPage(Page):
    """The newest events of warning and above, the newest sessions, and the captures if they are few, in a range, as
    JSON."""

    def get(self, request: HttpRequest) -> HttpResponse:
        begin, end, error = given_range(request)
        if begin is None or end is None:
            return JsonResponse({"error": error or "Give both ends of the range."}, status=400)
        events = list(marked_events(request.user, begin, end)[: MAX_MARKS + 1])
        sessions = list(marked_sessions(request.user, begin, end)[: MAX_MARKS + 1])
        captures = list(marked_captures(request.user, begin, end)[: MAX_CAPTURES + 1])
        has_few = len(captures) <= MAX_CAPTURES
        return JsonResponse(
            {
                "events": [event_mark(event) for event in events[:MAX_MARKS]],
                "sessions": [session_mark(session) for session in sessions[:MAX_MARKS]],
                "captures": [capture_mark(capture) for capture in captures] if has_few else [],
                "few_captures": has_few,
                "complete": len(events) <= MAX_MARKS and len(sessions) <= MAX_MARKS,
            }
        )


def marked_events(user: Any, begin: datetime, end: datetime) -> QuerySet[Event]:
    found = events_for(user).filter(severity__in=MARKED_SEVERITIES, at__gte=begin, at__lt=end)
    return found.order_by("-at", "-id")


def marked_sessions(user: Any, begin: datetime, end: datetime) -> QuerySet[Session]:
    running = Q(ended_at=None) | Q(ended_at__gt=begin)
    found = sessions_for(user).prefetch_related(None).filter(running, started_at__lt=end)
    return found.order_by("-started_at", "-id")


def marked_captures(user: Any, begin: datetime, end: datetime) -> QuerySet[Capture]:
    found = captures_for(user).prefetch_related(None).only("started_at", "camera__name")
    return found.filter(status=CaptureStatus.SAVED, started_at__gte=begin, started_at__lt=end).order_by("-started_at")


def event_mark(event: Event) -> EventMark:
    return EventMark(at=stamp(event.at), severity=event.severity, message=event.message)


def session_mark(session: Session) -> SessionMark:
    assert session.started_at is not None
    label = " ".join(filter(None, [session.camera.name, session.name]))
    url = reverse("session", args=[session.pk])
    return SessionMark(begin=stamp(session.started_at), end=stamp_or_none(session.ended_at), label=label, url=url)


def capture_mark(capture: Capture) -> CaptureMark:
    return CaptureMark(
        at=stamp(capture.started_at), camera=capture.camera.name, url=reverse("picture", args=[capture.pk])
    )
