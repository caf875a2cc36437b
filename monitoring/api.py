from __future__ import annotations

import functools
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.idempotency.view import IdempotentView
from monitoring.bodies import AlertBody, alert_body, event_body
from monitoring.selectors import alerts_for, events_for
from monitoring.serializers import AlertPage, AlertQuery, EventPage, EventQuery
from monitoring.services import acknowledge_alert


class EventsView(APIView):
    """Events, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="events_list", parameters=EventQuery.parameters(), responses=EventPage)
    def get(self, request: Request) -> Response:
        query: EventQuery = EventQuery.of(request)
        events = events_for(request.user).filter(**query.conditions(), **query.within("at"))
        return Response(page(events, query, request, "at", functools.partial(event_body, user=request.user)))


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
