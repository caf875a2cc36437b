"""Web-hooks and their deliveries, for managers only: a web-hook gets the events of all cameras."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery

from monitoring.models import DeliveryState, Webhook, WebhookDelivery


@dataclass(frozen=True, slots=True)
class WebhookStatus:
    """A web-hook, the number of its pending deliveries, and its newest delivery."""

    webhook: Webhook
    pending: int
    last: WebhookDelivery | None


def webhooks_for(user: Any) -> QuerySet[Webhook]:
    if not user.is_authenticated or not user.may("manager"):
        return Webhook.objects.none()
    return Webhook.objects.filter(removed_at=None)


def webhook_for(user: Any, webhook: UUID) -> Webhook:
    """Webhook.DoesNotExist."""
    return webhooks_for(user).get(pk=webhook)


def statuses_of(webhooks: QuerySet[Webhook]) -> list[WebhookStatus]:
    """In three queries for any number of web-hooks."""
    newest = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).order_by("-created_at", "-id").values("pk")[:1]
    found = list(webhooks.annotate(newest=Subquery(newest)))
    pending = pending_counts(found)
    last = WebhookDelivery.objects.defer("body").in_bulk([one.newest for one in found if one.newest])
    return [WebhookStatus(one, pending.get(one.pk, 0), last.get(one.newest) if one.newest else None) for one in found]


def status_of(webhook: Webhook) -> WebhookStatus:
    return statuses_of(Webhook.objects.filter(pk=webhook.pk))[0]


def pending_counts(webhooks: Iterable[Webhook]) -> dict[UUID, int]:
    """Id of a web-hook -> the number of its pending deliveries, if there are any."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, webhook__in=list(webhooks)).order_by()
    return dict(pending.values_list("webhook").annotate(number=Count("id")))


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """Newest first, without their bodies."""
    return WebhookDelivery.objects.filter(webhook=webhook).defer("body").order_by("-created_at", "-id")
