"""Counts captures in many time ranges with one query of bounded cost.

Each count walks an index and stops at MAX_COUNTED, so that a night of a million captures costs as much as a night of
five thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from captures.capturing.models import Capture, CaptureFile
from captures.thumbnails.store import PICTURE_KINDS

MAX_COUNTED = 5_000
LOST = ("failed", "skipped")
HAS_PICTURE = "EXISTS (SELECT 1 FROM {files} WHERE {files}.capture_id = {captures}.id AND {files}.kind IN ({kinds}))"


@dataclass(frozen=True, slots=True)
class CountQuery:
    """Captures from `begin` (inclusive) to `end` (exclusive). `cameras` None: all cameras; `statuses` empty: all
    statuses. `has_picture`: only captures with a file that can be rendered. Counting stops at `most`."""

    begin: datetime
    end: datetime
    cameras: Sequence[UUID] | None = None
    statuses: tuple[str, ...] = ()
    session: UUID | None = None
    simulated: bool | None = None
    has_picture: bool = False
    most: int | None = None

    def conditions(self) -> list[tuple[str, str, list[Any]]]:
        """Tuples of field, comparison and values."""
        found: list[tuple[str, str, list[Any]]] = [
            ("started_at", ">= %s", [self.begin]),
            ("started_at", "< %s", [self.end]),
            ("trashed_at", "IS NULL", []),
        ]
        if self.cameras is not None:
            found.append(("camera", f"IN ({placeholders(self.cameras)})", list(self.cameras)))
        if self.statuses:
            found.append(("status", f"IN ({placeholders(self.statuses)})", list(self.statuses)))
        if self.session is not None:
            found.append(("session", "= %s", [self.session]))
        if self.simulated is not None:
            found.append(("simulated", "= %s", [self.simulated]))
        return found

    @property
    def empty(self) -> bool:
        return self.cameras is not None and not self.cameras


def placeholders(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def count_captures(wanted: Sequence[CountQuery]) -> list[int]:
    """The count of each query, at most MAX_COUNTED."""
    return [int(value or 0) for value in _run_queries("COUNT(*)", "1", wanted)]


def total_exposure_us(wanted: CountQuery) -> int:
    """The sum of the captures' exposure times in microseconds, over at most MAX_COUNTED captures."""
    return int(_run_queries("SUM(exposure_us)", "exposure_us", [wanted])[0] or 0)


def _run_queries(expression: str, column: str, wanted: Sequence[CountQuery]) -> list[Any]:
    nonempty = [where for where in wanted if not where.empty]
    if not nonempty:
        return [0] * len(wanted)
    columns, values = [], []
    for where in nonempty:
        sql, given = _subquery(where, column)
        # PostgreSQL before 16 requires the alias.
        columns.append(f"(SELECT {expression} FROM ({sql}) AS counted)")  # noqa: S608 - no value in it
        values += given
    with connection.cursor() as cursor:
        # One statement, as a page has about a hundred counts.
        cursor.execute(f"SELECT {', '.join(columns)}", values)
        found = iter(cursor.fetchone())
    return [0 if where.empty else next(found) for where in wanted]


def _subquery(where: CountQuery, column: str) -> tuple[str, list[Any]]:
    """SQL and its parameters. Names come from the model; every value is a parameter."""
    conditions, values = [], []
    for name, comparison, given in where.conditions():
        field: Any = Capture._meta.get_field(name)
        conditions.append(f"{connection.ops.quote_name(field.column)} {comparison}")
        # As each database stores it: SQLite has a UUID as text.
        values += [field.get_db_prep_value(value, connection) for value in given]
    table = connection.ops.quote_name(Capture._meta.db_table)
    if where.has_picture:
        files = connection.ops.quote_name(CaptureFile._meta.db_table)
        conditions.append(HAS_PICTURE.format(files=files, captures=table, kinds=placeholders(PICTURE_KINDS)))
        values += PICTURE_KINDS
    sql = f"SELECT {column} FROM {table} WHERE {' AND '.join(conditions)}"  # noqa: S608 - no value in it
    return f"{sql} LIMIT {min(where.most or MAX_COUNTED, MAX_COUNTED)}", values
