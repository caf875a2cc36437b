"""METRICS: the station's metrics for Prometheus. Each entry is a function that takes a user and yields metric families,
without the cameras that this user may not see."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from core.registry import resolve

logger = logging.getLogger(__name__)

METRICS: dict[str, str] = {
    "recording": "captures.clips.metrics.recordings",
    "jobs": "monitoring.jobs.job_metrics",
}


class _StationCollector(Collector):
    """The metrics for one request of one user."""

    def __init__(self, user: Any) -> None:
        self._user = user

    def collect(self) -> Iterator[Metric]:
        for name, path in METRICS.items():
            try:
                yield from list(resolve(path)(self._user))
            except Exception:
                logger.exception("The metrics of %s could not be read. The others are returned.", name)


def metrics_for(user: Any) -> bytes:
    """The metrics in Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    collector = _StationCollector(user)
    registry.register(collector)
    return generate_latest(registry)
