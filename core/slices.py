"""Changes of many rows in short transactions. SQLite has one writer: a transaction that changes 10,000 rows keeps all
others from writing for its whole time, and they fail."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, QuerySet

SLICE = 500
"""Rows of one transaction."""
# SQLite does not queue its writers: a loop without pauses kept one of them waiting for 5 s.
PAUSE_S = 0.005


def slices_of(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """The primary keys of the rows, a slice at a time. What is done with one slice may take rows away from those that
    follow."""
    left = rows.order_by("pk").values_list("pk", flat=True)
    keys = list(left[:SLICE])
    while keys:
        yield keys
        if len(keys) < SLICE:
            return
        time.sleep(PAUSE_S)
        keys = list(left.filter(pk__gt=keys[-1])[:SLICE])


def delete_in_slices(rows: QuerySet[Any]) -> int:
    """Delete the rows, and what goes with them. Returns their number. After a kill the others are still there."""
    deleted = 0
    for keys in slices_of(rows):
        deleted += _rows(rows, keys).delete()[1].get(rows.model._meta.label, 0)
    return deleted


def update_in_slices(rows: QuerySet[Any], **values: Any) -> int:
    """Update the rows; returns their number. Each is updated only if it is still one of `rows`."""
    return sum(rows.filter(pk__in=keys).update(**values) for keys in slices_of(rows))


def _rows(rows: QuerySet[Any], keys: Sequence[Any]) -> QuerySet[Model]:
    found: QuerySet[Model] = rows.model._base_manager.filter(pk__in=keys)
    return found
