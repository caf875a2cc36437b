"""Web-hooks and their deliveries, for managers only: a web-hook gets the events of all cameras."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery

from monitoring.models import DeliveryState, Webhook, WebhookDelivery


def webhooks_for(user: Any) -> QuerySet[Webhook]:
    if not user.is_authenticated or not user.may("manager"):
        return Webhook.objects.none()
    return Webhook.objects.filter(removed_at=None)


def webhook_for(user: Any, webhook: UUID) -> Webhook:
    """Webhook.DoesNotExist."""
    return webhooks_for(user).get(pk=webhook)


def with_status(webhooks: Iterable[Webhook], _user: Any) -> list[Webhook]:
    """With the number of pending deliveries and the newest delivery, in two queries for any number of web-hooks."""
    found = list(webhooks)
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, webhook__in=found).order_by()
    counts = dict(pending.values_list("webhook").annotate(Count("pk")))
    newest = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    keys = Webhook.objects.filter(pk__in=[one.pk for one in found]).values(newest=Subquery(newest))
    last = {one.webhook_id: one for one in WebhookDelivery.objects.defer("body").filter(pk__in=keys)}
    for one in found:
        one.pending, one.last = counts.get(one.pk, 0), last.get(one.pk)
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """Newest first, without their bodies."""
    return WebhookDelivery.objects.filter(webhook=webhook).defer("body").order_by("-created_at", "-id")


def delivery_for(user: Any, webhook: UUID, delivery: UUID) -> WebhookDelivery:
    """Webhook.DoesNotExist, WebhookDelivery.DoesNotExist."""
    return WebhookDelivery.objects.get(pk=delivery, webhook=webhook_for(user, webhook))
