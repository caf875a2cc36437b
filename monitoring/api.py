from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.idempotency.view import IdempotentView
from monitoring.bodies import AlertBody, alert_body
from monitoring.event_export import FORMATS
from monitoring.event_search import event_page, search_for
from monitoring.selectors import alerts_for
from monitoring.serializers import AlertPage, AlertQuery, EventExportQuery, EventPage, EventQuery
from monitoring.services import acknowledge_alert


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


class AlertsView(APIView):
    """Alerts, which need a person's attention, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="alerts_list", parameters=AlertQuery.parameters(), responses=AlertPage)
    def get(self, request: Request) -> Response:
        query: AlertQuery = AlertQuery.of(request)
        alerts = alerts_for(request.user).filter(**query.conditions())
        return Response(page(alerts, query, request, "opened_at", alert_body))


class AcknowledgeView(IdempotentView):
    """Mark the alert as seen."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=AlertBody)
    def post(self, request: Request, alert: UUID) -> Response:
        # The alert of a hidden camera does not exist: 404 by the table of exceptions.
        found = alerts_for(request.user).get(pk=alert)
        return Response(alert_body(acknowledge_alert(found, request.user.get_username())))
