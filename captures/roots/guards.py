"""What keeps files from all rules of retention, by the table `captures.tables.RETENTION_GUARDS`."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from captures.tables import RETENTION_GUARDS
from core.registry import resolve

Rows = TypeVar("Rows", bound="QuerySet[Any]")


def guards(table: str) -> dict[str, Q]:
    """What keeps files of the table, in words -> the condition of the rows that it keeps."""
    return {reason: resolve(path)(table) for reason, path in RETENTION_GUARDS.items()}


def guarded(table: str) -> Q:
    """The condition of the files that a guard keeps, such as those whose off-site copy is not verified."""
    return any_of(guards(table))


def unguarded(rows: Rows, table: str) -> Rows:
    """Those of `rows` that no guard keeps."""
    return rows.exclude(guarded(table))


def any_of(conditions: dict[str, Q]) -> Q:
    found = Q(pk__in=[])
    for condition in conditions.values():
        found |= condition
    return found
