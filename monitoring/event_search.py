"""Searching events: filters that an index answers, and filters that read rows; their route, and events as the lines
of a file. The text and the host are compared row by row. So that a search costs the same in a station of ten years,
one page reads at most `MAX_READ` events; where it stopped the next one goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import Page, beyond, page, page_link
from core.api.queries import Cursor
from core.events.answers import EventBody, EventPage, event_body
from core.events.models import Event
from core.events.selectors import events_for
from core.text.csv_lines import csv_line
from monitoring.resource import EventExportQuery, EventQuery


def csv_lines(events: Iterable[Event], user: Any) -> Iterator[str]:
    """The lines of a table; `data` is JSON. A text cannot become a formula."""
    yield csv_line(EventBody.model_fields)
    for event in events:
        values = event_body(event, user).values()
        yield csv_line(value if isinstance(value, str) else to_json(value) for value in values)


def json_lines(events: Iterable[Event], user: Any) -> Iterator[str]:
    for event in events:
        yield f"{to_json(event_body(event, user))}\n"


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


FORMATS: dict[str, tuple[str, Callable[[Iterable[Event], Any], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/x-ndjson", json_lines),
}
"""The end of a file's name -> the content type and the function that makes its lines."""


MAX_READ = 100_000
MAX_SORTED = 20_000
"""Events of a family of kinds that are sorted by time for one page. Of more, the newest are compared row by row."""
EXPORTED_AT_ONCE = 1000
KINDS_IN_USE = """
    WITH RECURSIVE kinds(kind) AS (
        SELECT MIN(kind) FROM monitoring_event
        UNION ALL
        SELECT (SELECT MIN(kind) FROM monitoring_event WHERE kind > kinds.kind) FROM kinds WHERE kinds.kind IS NOT NULL
    )
    SELECT kind FROM kinds WHERE kind IS NOT NULL
"""
"""One jump in the index for each kind; DISTINCT would read the whole index."""
TEXT_COLUMNS = ("message", "kind", "subject", "actor")


@dataclass(frozen=True, slots=True)
class EventSearch:
    """`indexed` are the events that an index finds, `condition` is the rest of the filter; None without one."""

    indexed: QuerySet[Event]
    condition: Q | None

    @property
    def matching(self) -> QuerySet[Event]:
        """All of them, at any cost."""
        return self.indexed if self.condition is None else self.indexed.filter(self.condition)

    def limited(self, cursor: Cursor | None) -> tuple[QuerySet[Event], Event | None]:
        """The matching rows among those that one page may read beyond the cursor, and the last row that it reads; None
        where it reads to the end."""
        if self.condition is None:
            return self.indexed, None
        newer = cursor is not None and cursor.newer
        order = ("at", "id") if newer else ("-at", "-id")
        rows = beyond(self.indexed, "at", cursor).order_by(*order).only("at")
        last = rows[MAX_READ - 1 : MAX_READ].first()
        if last is None:
            return self.indexed.filter(self.condition), None
        side = "lt" if newer else "gt"
        before_last = Q(**{f"at__{side}": last.at}) | Q(at=last.at, **{f"id__{side}e": last.pk})
        return self.indexed.filter(self.condition, before_last, **{f"at__{side}e": last.at}), last

    def older(self, cursor: Cursor | None, limit: int) -> tuple[list[Event], Cursor | None]:
        """The next events beyond the cursor, newest first, and the cursor of those after them; None at the end."""
        rows, last = self.limited(cursor)
        found = list(beyond(rows, "at", cursor).order_by("-at", "-id")[: limit + 1])
        if len(found) > limit:
            last = found[limit - 1]
        return found[:limit], Cursor(last.at, last.pk, newer=False) if last else None

    def all(self) -> Iterator[Event]:
        """All matching events, newest first. By pages, because a slow reader of one long query would keep the database
        from cleaning up."""
        cursor = None
        while True:
            events, cursor = self.older(cursor, EXPORTED_AT_ONCE)
            yield from events
            if cursor is None:
                return


def search_for(user: Any, query: EventQuery) -> EventSearch:
    """Of the events that the user may see."""
    rows = events_for(user).filter(**query.conditions(), **query.within("at"))
    condition = row_condition(query)
    if query.kind and "." in query.kind:
        return EventSearch(rows.filter(kind=query.kind), condition or None)
    if query.kind:
        of_family = Event.objects.filter(kind__in=kinds_of_family(query.kind))
        if of_family[: MAX_SORTED + 1].count() <= MAX_SORTED:
            # By their ids: with the kinds themselves, SQLite would read all newer events of other kinds.
            rows = rows.filter(pk__in=of_family.values("pk"))
        else:
            condition &= Q(kind=query.kind) | Q(kind__startswith=f"{query.kind}.")
    return EventSearch(rows, condition or None)


def kinds_of_family(family: str) -> list[str]:
    """`command` is a kind itself, and the family of `command.done`. The dot keeps `live` from matching another word."""
    with connection.cursor() as database:
        database.execute(KINDS_IN_USE)
        found = [str(row[0]) for row in database.fetchall()]
    return [kind for kind in found if kind == family or kind.startswith(f"{family}.")]


def row_condition(query: EventQuery) -> Q:
    """Each word must be in one of the text columns."""
    condition = Q(host=query.host) if query.host else Q()
    for word in query.words:
        found = Q()
        for column in TEXT_COLUMNS:
            found |= Q(**{f"{column}__icontains": word})
        condition &= found
    return condition


def event_page(user: Any, query: EventQuery, request: Request) -> Page:
    """A page may be empty although `next` leads on."""
    rows, last = search_for(user, query).limited(query.cursor)
    found = page(rows, query, request, "at", lambda event: event_body(event, user))
    newer = query.cursor is not None and query.cursor.newer
    beyond_last = page_link(request, last, "at", newer=newer) if last else None
    return Page(
        next=found["next"] or (None if newer else beyond_last),
        previous=found["previous"] or (beyond_last if newer else None),
        results=found["results"],
    )


class EventsView(APIView):
    """Events, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="events_list", parameters=EventQuery.parameters(), responses=EventPage)
    def get(self, request: Request) -> Response:
        return Response(event_page(request.user, EventQuery.of(request), request))


class EventsCsvView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=EventQuery.parameters(), responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """All matching events as CSV, newest first. A cell that a spreadsheet would calculate begins with an
        apostrophe."""
        return send_events(request, "csv")


class EventsJsonLinesView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=EventQuery.parameters(), responses={(200, "application/x-ndjson"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """All matching events, newest first, one JSON object in each line."""
        return send_events(request, "jsonl")


def send_events(request: Any, suffix: str) -> StreamingHttpResponse:
    content_type, lines = FORMATS[suffix]
    events = search_for(request.user, EventExportQuery.of(request)).all()
    headers = {"Content-Disposition": f'attachment; filename="events.{suffix}"'}
    return StreamingHttpResponse(lines(events, request.user), content_type=content_type, headers=headers)
