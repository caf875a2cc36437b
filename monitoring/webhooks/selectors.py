"""Web-hooks, their deliveries and their metrics, for managers only: a web-hook gets the events of all cameras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

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


STATES = (DeliveryState.PENDING, DeliveryState.FAILED)


def webhook_metrics(user: Any) -> Iterator[Metric]:
    """Pending and failed deliveries of each web-hook, and since when it fails."""
    webhooks = list(webhooks_for(user))
    if not webhooks:
        return
    rows = WebhookDelivery.objects.filter(webhook__in=webhooks, state__in=STATES).order_by()
    counted = {
        (webhook, state): number
        for webhook, state, number in rows.values_list("webhook", "state").annotate(number=Count("id"))
    }
    numbers = GaugeMetricFamily(
        "skycam_webhook_deliveries", "Deliveries of web-hooks in the database.", labels=["webhook", "state"]
    )
    failing = GaugeMetricFamily(
        "skycam_webhook_failing_since", "When its deliveries began to fail, in seconds since 1970; 0: they do not.",
        labels=["webhook"],
    )  # fmt: skip
    for webhook in webhooks:
        for state in STATES:
            numbers.add_metric([webhook.name, state], counted.get((webhook.pk, state), 0))
        failing.add_metric([webhook.name], webhook.failing_since.timestamp() if webhook.failing_since else 0)
    yield numbers
    yield failing
