"""The routes of web-hooks."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.paging import page
from core.idempotency.view import IdempotentView
from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks.bodies import (
    DeliveryBody,
    DeliveryDetailBody,
    NewWebhookBody,
    SecretBody,
    WebhookBody,
    delivery_body,
    delivery_detail_body,
    new_webhook_body,
    secret_body,
    webhook_body,
    webhook_url,
)
from monitoring.webhooks.requests import DeliveryPage, DeliveryQuery, WebhookChange, WebhookRequest
from monitoring.webhooks.selectors import deliveries_of, status_of, statuses_of, webhook_for, webhooks_for
from monitoring.webhooks.services import (
    add_webhook,
    change_webhook,
    remove_webhook,
    replay_delivery,
    rotate_secret,
    send_test,
)

SHOWN_ONCE = {"Cache-Control": "no-store"}


class WebhookList(TypedDict):
    results: list[WebhookBody]


class WebhooksView(APIView):
    roles = {"GET": "manager", "POST": "manager"}

    @extend_schema(operation_id="webhooks_list", responses=WebhookList)
    def get(self, request: Request) -> Response:
        """All web-hooks, by name."""
        return Response({"results": [webhook_body(status) for status in statuses_of(webhooks_for(request.user))]})

    @extend_schema(operation_id="webhooks_add", request=WebhookRequest, responses={201: NewWebhookBody})
    def post(self, request: Request) -> Response:
        """Add a web-hook. Its `secret`, with which requests are signed, is shown only now."""
        webhook, secret = add_webhook(WebhookRequest.model_validate(request.data), request.user.get_username())
        headers = {"Location": webhook_url(webhook), **SHOWN_ONCE}
        return Response(new_webhook_body(webhook, secret), 201, headers=headers)


class WebhookView(APIView):
    roles = {"GET": "manager", "PATCH": "manager", "DELETE": "manager"}

    @extend_schema(operation_id="webhooks_show", responses=WebhookBody)
    def get(self, request: Request, webhook: UUID) -> Response:
        return Response(webhook_body(status_of(webhook_for(request.user, webhook))))

    @extend_schema(operation_id="webhooks_change", request=WebhookChange, responses=WebhookBody)
    def patch(self, request: Request, webhook: UUID) -> Response:
        """Change the fields that are given. Switching it off cancels its pending deliveries."""
        found, wanted = webhook_for(request.user, webhook), WebhookChange.model_validate(request.data)
        return Response(webhook_body(status_of(change_webhook(found, wanted, request.user.get_username()))))

    @extend_schema(operation_id="webhooks_remove", responses={204: None})
    def delete(self, request: Request, webhook: UUID) -> Response:
        """Remove the web-hook. Its pending deliveries are cancelled."""
        remove_webhook(webhook_for(request.user, webhook), request.user.get_username())
        return Response(status=204)


class RotateSecretView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="webhooks_rotate_secret", request=None, responses=SecretBody)
    def post(self, request: Request, webhook: UUID) -> Response:
        """A new secret, which is shown only now. Requests are signed with the old one, too, for a day."""
        found, secret = rotate_secret(webhook_for(request.user, webhook), request.user.get_username())
        return Response(secret_body(found, secret), headers=SHOWN_ONCE)


class WebhookTestView(APIView):
    roles = {"POST": "manager"}

    @extend_schema(operation_id="webhooks_test", request=None, responses=DeliveryDetailBody)
    def post(self, request: Request, webhook: UUID) -> Response:
        """Send the event `webhook.test` to this web-hook alone, and answer with the attempt."""
        delivery = send_test(webhook_for(request.user, webhook), request.user.get_username())
        return Response(delivery_detail_body(delivery))


class DeliveriesView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(
        operation_id="webhook_deliveries_list", parameters=DeliveryQuery.parameters(), responses=DeliveryPage
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        """The deliveries of a web-hook, newest first."""
        query: DeliveryQuery = DeliveryQuery.of(request)
        found = deliveries_of(webhook_for(request.user, webhook)).filter(**query.conditions())
        return Response(page(found, query, request, "created_at", delivery_body))


class DeliveryView(APIView):
    roles = {"GET": "manager"}

    @extend_schema(operation_id="webhook_deliveries_show", responses=DeliveryDetailBody)
    def get(self, request: Request, webhook: UUID, delivery: UUID) -> Response:
        """One delivery with its body and its attempts, the newest first."""
        return Response(delivery_detail_body(delivery_of(webhook_for(request.user, webhook), delivery)))


class ReplayView(IdempotentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(operation_id="webhook_deliveries_replay", request=None, responses=DeliveryBody)
    def post(self, request: Request, webhook: UUID, delivery: UUID) -> Response:
        """Send the delivery again now, also one that was delivered or has failed."""
        found = delivery_of(webhook_for(request.user, webhook), delivery)
        return Response(delivery_body(replay_delivery(found, request.user.get_username())))


def delivery_of(webhook: Webhook, delivery: UUID) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=delivery, webhook=webhook)
