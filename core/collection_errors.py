"""Counts failures to collect metrics, beside the captures that failed."""

from __future__ import annotations

import threading

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

CAPTURE_ERRORS = ("skycam_capture_errors", "Captures that failed, and failures to collect metrics, by type.")


class CollectionErrors:
    """How many entries of METRICS failed in this process. Any thread may use it."""

    def __init__(self) -> None:
        self.number, self._lock = 0, threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.number += 1


def collection_errors_family(number: int) -> Metric:
    """As an error type of the captures' errors, without a camera."""
    family = CounterMetricFamily(*CAPTURE_ERRORS, labels=["error_type", "camera"])
    family.add_metric(["metrics_collection", ""], number)
    return family


COLLECTION_ERRORS = CollectionErrors()
