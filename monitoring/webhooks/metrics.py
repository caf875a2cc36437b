"""The metrics of web-hooks, for managers only, as their names are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from monitoring.models import DeliveryState, WebhookDelivery
from monitoring.webhooks.selectors import webhooks_for

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
