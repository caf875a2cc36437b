from __future__ import annotations

import functools
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.bodies import AlertBody, alert_body, event_body
from monitoring.cursor import page
from monitoring.selectors import alerts_for, events_for
from monitoring.serializers import AlertPage, AlertQuery, EventPage, EventQuery
from monitoring.services import acknowledge_alert


class EventsView(APIView):
    """What happened, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="events_list", parameters=EventQuery.parameters(), responses=EventPage)
    def get(self, request: Request) -> Response:
        query = EventQuery.of(request)
        events = events_for(request.user).filter(**query.conditions())
        return Response(page(events, query, request, "at", functools.partial(event_body, user=request.user)))


class AlertsView(APIView):
    """What a person must see to, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="alerts_list", parameters=AlertQuery.parameters(), responses=AlertPage)
    def get(self, request: Request) -> Response:
        query = AlertQuery.of(request)
        alerts = alerts_for(request.user).filter(**query.conditions())
        return Response(page(alerts, query, request, "opened_at", alert_body))


class AcknowledgeView(APIView):
    """A person has seen the alert."""

    roles = {"POST": "operator"}

    @extend_schema(request=None, responses=AlertBody)
    def post(self, request: Request, alert: UUID) -> Response:
        found = alerts_for(request.user).get(pk=alert)
        return Response(alert_body(acknowledge_alert(found, request.user.get_username())))
