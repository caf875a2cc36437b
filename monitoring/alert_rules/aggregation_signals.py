"""How far the aggregation of readings is behind, for the alert rules."""

from __future__ import annotations

import time
from collections.abc import Iterator

from monitoring.alert_rules.rule import Signal
from monitoring.readings.metrics import aggregation_lag_s


def aggregation_lag(_host: str) -> Iterator[Signal]:
    """In seconds. DatabaseError."""
    yield Signal("aggregation_lag", "station", aggregation_lag_s(time.time()), "s")
