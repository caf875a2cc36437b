"""Which tables are partitioned, by which column, and which months they have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

BEYOND_MONTH = timedelta(days=31)
"""How much longer than its retention a row may stay on PostgreSQL: its partition goes when the whole month is old."""
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"
"""A change of partitions that waits for a long query lets all other queries of the table wait, too. It gives up and is
tried again an hour later."""
MONTH_NAME = re.compile(r"_(\d{4})_(\d{2})$")


def default_partition(table: str) -> str:
    return f"{table}_default"


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    name: str
    column: str
    """A `timestamptz`, or milliseconds since 1970 in a `bigint`."""
    in_ms: bool = False

    @property
    def default(self) -> str:
        """The partition of rows whose month has none."""
        return default_partition(self.name)

    def partition(self, month: datetime) -> str:
        return f"{self.name}_{month:%Y_%m}"

    def literal(self, at: datetime) -> str:
        """The time as SQL that compares with the column."""
        return str(round(at.timestamp() * 1000)) if self.in_ms else f"'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"

    @property
    def month_of_row(self) -> str:
        """SQL for the month of a row, without a time zone. An error for times that PostgreSQL does not know."""
        at = f"to_timestamp({self.column} / 1000)" if self.in_ms else self.column
        return f"date_trunc('month', {at} AT TIME ZONE 'UTC')"

    def between(self, begin: datetime, end: datetime) -> str:
        return f"{self.column} >= {self.literal(begin)} AND {self.column} < {self.literal(end)}"


READINGS = PartitionedTable("monitoring_reading", "at_ms", in_ms=True)
EVENTS = PartitionedTable("monitoring_event", "at")
PARTITIONED = (READINGS, EVENTS)


def months_of(table: PartitionedTable) -> list[datetime]:
    """The beginnings of the months that have a partition, oldest first; empty where the table is not partitioned."""
    if connection.vendor != "postgresql":
        return []
    found = rows("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)", table.name)
    names = (MONTH_NAME.search(str(name)) for [name] in found)
    return sorted(datetime(int(name[1]), int(name[2]), 1, tzinfo=UTC) for name in names if name)


def is_partitioned(table: PartitionedTable) -> bool:
    if connection.vendor != "postgresql":
        return False
    return bool(rows("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", table.name))


def month_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    return month_of(month + BEYOND_MONTH)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(question: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        # Without values a percent sign of the question is one.
        cursor.execute(question, values or None)
        return list(cursor.fetchall())
