"""The routes of deliveries, and EXCEPTIONS: the problems for the exceptions of web-hooks."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.api.problems import ExceptionTable, from_message
from core.api.queries import PageQuery
from core.idempotency.view import IdempotentView
from core.resources.fields import Rows
from core.resources.resource import body_of
from monitoring.models import DeliveryState
from monitoring.webhooks.resource import DeliveryBody, DeliveryDetailBody
from monitoring.webhooks.selectors import deliveries_of, delivery_for, webhook_for
from monitoring.webhooks.services import WebhookBusy, WebhookDisabled, replay_delivery

EXCEPTIONS: ExceptionTable = {
    WebhookBusy: from_message("webhook-busy"),
    WebhookDisabled: from_message("webhook-disabled"),
}


class DeliveryQuery(PageQuery):
    state: DeliveryState | None = None


class DeliveryPage(Rows):
    results: list[DeliveryBody]


class DeliveriesView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(
        operation_id="webhook_deliveries_list", parameters=DeliveryQuery.parameters(), responses=DeliveryPage
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        """The deliveries of a web-hook, newest first."""
        query: DeliveryQuery = DeliveryQuery.of(request)
        found = deliveries_of(webhook_for(request.user, webhook)).filter(**query.conditions())
        return Response(page(found, query, request, "created_at", partial(body_of, DeliveryBody)))


class DeliveryView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(operation_id="webhook_deliveries_show", responses=DeliveryDetailBody)
    def get(self, request: Request, webhook: UUID, delivery: UUID) -> Response:
        """One delivery with its body and its attempts, the newest first."""
        return Response(body_of(DeliveryDetailBody, delivery_for(request.user, webhook, delivery)))


class ReplayView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="webhook_deliveries_replay", request=None, responses=DeliveryBody)
    def post(self, request: Request, webhook: UUID, delivery: UUID) -> Response:
        """Send the delivery again now, also one that was delivered or has failed."""
        found = delivery_for(request.user, webhook, delivery)
        return Response(body_of(DeliveryBody, replay_delivery(found, request.user.get_username())))


urlpatterns = [
    path("<uuid:webhook>/deliveries/", DeliveriesView.as_view()),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/", DeliveryView.as_view()),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/replay/", ReplayView.as_view()),
]
