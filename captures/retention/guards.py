"""What keeps files from all rules of retention, by the table `captures.tables.RETENTION_GUARDS`."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from captures.capturing.models import CaptureFile
from captures.tables import RETENTION_GUARDS
from core.registry import resolve

Rows = TypeVar("Rows", bound="QuerySet[Any]")


def guards(table: str) -> dict[str, Q]:
    """What keeps files of the table, in words -> the condition of the rows that it keeps."""
    return {reason: resolve(path)(table) for reason, path in RETENTION_GUARDS.items()}


def unguarded(rows: Rows, table: str) -> Rows:
    """Those of `rows` that no guard keeps."""
    for condition in guards(table).values():
        rows = rows.exclude(condition)
    return rows


def guarded_captures() -> Q:
    """The condition of captures with a file that a guard keeps."""
    found = Q(pk__in=[])
    for condition in guards("captures").values():
        found |= condition
    return Q(Exists(CaptureFile.objects.filter(found, capture=OuterRef("pk"))))
