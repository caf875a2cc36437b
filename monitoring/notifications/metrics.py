"""The metrics of notifications, for managers only, as the names of channels are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from monitoring.notifications.selectors import channels_for, statuses_of


def notification_metrics(user: Any) -> Iterator[Metric]:
    """The backlog of each channel, and since when it fails."""
    statuses = statuses_of(channels_for(user))
    if not statuses:
        return
    pending = GaugeMetricFamily(
        "skycam_notifications_pending", "Notifications that wait to be sent.", labels=["channel"]
    )
    failing = GaugeMetricFamily(
        "skycam_notification_failing_since", "When the channel began to fail, in seconds since 1970; 0: it does not.",
        labels=["channel"],
    )  # fmt: skip
    for status in statuses:
        since = status.channel.failing_since
        pending.add_metric([status.channel.name], status.pending)
        failing.add_metric([status.channel.name], since.timestamp() if since else 0)
    yield pending
    yield failing
