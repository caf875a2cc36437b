"""What runs: a metric whose labels name the versions."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db import connection
from prometheus_client import Metric
from prometheus_client.core import InfoMetricFamily


def build_metrics(_user: Any) -> Iterator[Metric]:
    labels = {
        "version": _version(),
        "python": platform.python_version(),
        "database": connection.vendor,
        "host": settings.STATION.host,
        "station": settings.STATION.station.id,
    }
    yield InfoMetricFamily("skycam_build", "Versions of Skycam and of what it runs on.", labels)


@cache
def _version() -> str:
    """Read once: it opens the package's files."""
    return version("skycam")
