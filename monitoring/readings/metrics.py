"""How far the aggregation of readings is behind, as a metric."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.db.models import Min
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from core.changes.gate import in_one_transaction
from monitoring.models import DueAggregate
from monitoring.readings.aggregation import SETTLE_S
from monitoring.readings.levels import LEVELS


def reading_metrics(_user: Any = None) -> Iterator[Metric]:
    """Everyone who may read metrics may see it."""
    yield GaugeMetricFamily(
        "skycam_readings_aggregation_lag_seconds",
        "How long the oldest aggregate of readings that is not computed could have been.",
        value=aggregation_lag_s(time.time()),
    )


def aggregation_lag_s(now_s: float) -> float:
    """Since when the oldest due aggregate could have been computed; 0 if none could."""
    with in_one_transaction():
        ends = [end_s for seconds in LEVELS if (end_s := oldest_end_s(seconds)) is not None]
    return max(0.0, now_s - SETTLE_S - min(ends)) if ends else 0.0


def oldest_end_s(seconds: int) -> int | None:
    """When the oldest due aggregate of a level ends; None if none is due."""
    start_s: int | None = DueAggregate.objects.filter(seconds=seconds).aggregate(oldest=Min("start_s"))["oldest"]
    return None if start_s is None else start_s + seconds
