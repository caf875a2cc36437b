"""Metrics of alerts for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from core.events.models import Alert
from core.events.selectors import alerts_for
from core.events.severity import Severity

STATES = (Alert.State.OPEN, Alert.State.ACKNOWLEDGED)


def alert_metrics(user: Any) -> Iterator[Metric]:
    """The alerts that are not resolved."""
    rows = alerts_for(user).filter(state__in=STATES).order_by()
    counted = {
        (severity, state): number
        for severity, state, number in rows.values_list("severity", "state").annotate(number=Count("pk"))
    }
    family = GaugeMetricFamily(
        "skycam_alerts", "Alerts that are not resolved, by severity and state.", labels=["severity", "state"]
    )
    for severity in Severity:
        for state in STATES:
            family.add_metric([severity, state], counted.get((severity, state), 0))
    yield family
