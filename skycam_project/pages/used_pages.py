"""Which optional subjects this station uses. The menu hides the pages of the others: a station without sensors has no
readings. Nothing else depends on it: each page stays at its address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from cameras.models import Camera
from captures.models import Archive, Experiment
from monitoring.models import Sensor, Webhook
from scheduler.telescope.field_lists.models import FieldList

SUBJECTS: Mapping[str, tuple[QuerySet[Any], ...]] = {
    "telescope": (FieldList.objects.all(), Camera.objects.filter(kind="telescope")),
    "experiments": (Experiment.objects.all(),),
    "archives": (Archive.objects.all(),),
    "sensors": (Sensor.objects.all(),),
    "webhooks": (Webhook.objects.all(),),
}
"""Subject -> the rows of which it has at least one where it is used."""
# A page's first row shows the page in the menu within this time.
CACHE_S = 30.0

# Replaced as a whole, so it needs no lock: at worst two threads read the rows at the same time.
_cache: tuple[float, frozenset[str]] | None = None


def used_subjects() -> frozenset[str]:
    """Those of SUBJECTS that have rows, read with one query at most once in CACHE_S."""
    global _cache
    if _cache is None or time.monotonic() - _cache[0] >= CACHE_S:
        _cache = (time.monotonic(), _read())
    return _cache[1]


def clear_cache() -> None:
    """Read the rows again at the next use."""
    global _cache
    _cache = None


def _read() -> frozenset[str]:
    columns, values = [], []
    for rows in SUBJECTS.values():
        queries = [each.order_by().values("pk")[:1].query.sql_with_params() for each in rows]
        columns.append(" OR ".join(f"EXISTS ({sql})" for sql, _ in queries))
        values += [value for _, params in queries for value in params]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}", values)
        found = cursor.fetchone()
    return frozenset(subject for subject, is_used in zip(SUBJECTS, found, strict=True) if is_used)
