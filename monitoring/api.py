from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.events.answers import EventPage
from monitoring.event_search import FORMATS, event_page, search_for
from monitoring.resource import EventExportQuery, EventQuery


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
