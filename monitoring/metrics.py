"""METRICS: the station's metrics for Prometheus. Each entry is a function that takes a user and yields metric families,
without the cameras that this user may not see."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from core.background import log_and_continue
from core.registry import resolve

METRICS: dict[str, str] = {
    "recording": "captures.clips.metrics.recordings",
    "jobs": "monitoring.jobs.job_metrics",
    "sensors": "monitoring.sensor_host.metrics.sensor_metrics",
    "offsite": "captures.offsite.metrics.offsite_metrics",
    "notifications": "monitoring.notifications.metrics.notification_metrics",
    "webhooks": "monitoring.webhooks.metrics.webhook_metrics",
}


class _StationCollector(Collector):
    """The metrics for one request of one user."""

    def __init__(self, user: Any) -> None:
        self._user = user

    def collect(self) -> list[Metric]:
        """An entry that fails is missing; the others are returned."""
        metrics: list[Metric] = []
        for name, path in METRICS.items():
            # Prometheus would get nothing at all from a request that fails.
            with log_and_continue(f"metrics of {name}"):
                metrics += list(resolve(path)(self._user))
        return metrics


def metrics_for(user: Any) -> bytes:
    """The metrics in Prometheus text format."""
    # One for each request, since the metrics depend on the user. `auto_describe` would collect them a second time.
    registry = CollectorRegistry(auto_describe=False)
    collector = _StationCollector(user)
    registry.register(collector)
    return generate_latest(registry)
