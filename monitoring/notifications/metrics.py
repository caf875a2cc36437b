"""The metrics of notifications, for managers only, as the names of channels are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from monitoring.notifications.selectors import channels_for, with_pending


def notification_metrics(user: Any) -> Iterator[Metric]:
    """The backlog of each channel, and since when it fails."""
    channels = with_pending(channels_for(user), user)
    if not channels:
        return
    pending = GaugeMetricFamily(
        "skycam_notifications_pending", "Notifications that wait to be sent.", labels=["channel"]
    )
    failing = GaugeMetricFamily(
        "skycam_notification_failing_since", "When the channel began to fail, in seconds since 1970; 0: it does not.",
        labels=["channel"],
    )  # fmt: skip
    for channel in channels:
        since = channel.failing_since
        pending.add_metric([channel.name], channel.pending)
        failing.add_metric([channel.name], since.timestamp() if since else 0)
    yield pending
    yield failing
