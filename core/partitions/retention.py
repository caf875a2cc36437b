"""Removes months that are old as a whole."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from core.partitions.creation import PARTITION_LOCK, attach
from core.partitions.tables import (
    BEYOND_MONTH,
    LOCK_TIMEOUT,
    PartitionedTable,
    execute,
    is_partitioned,
    months_of,
    next_month,
    rows,
)

log = logging.getLogger(__name__)


def first_row_to_stay(table: PartitionedTable, before: datetime) -> datetime:
    """The rows that are removed one by one are older than this: all that are older than `before` in a plain table; in a
    partitioned one those that no whole month took along, because a wrong clock wrote them."""
    return before - BEYOND_MONTH if is_partitioned(table) else before


def drop_partitions(table: PartitionedTable, before: datetime, kept: str = "") -> list[str]:
    """Drop each month that ended by `before`. With the condition `kept`, in SQL, the rows for which it holds stay: they
    are copied, which takes time by their number, and not by the number of those that go. Returns the names of the
    partitions. OperationalError when a query holds one of them for longer than a second."""
    dropped = []
    for month in months_of(table):
        if next_month(month) <= before and (not kept or has_rows(table.partition(month), f"NOT ({kept})")):
            replace_partition(table, month, kept) if kept else drop_partition(table, month)
            dropped.append(table.partition(month))
    if dropped:
        log.info("Dropped the old rows of %s.", ", ".join(dropped))
    return dropped


def drop_partition(table: PartitionedTable, month: datetime) -> None:
    name = table.partition(month)
    with transaction.atomic():
        # In the order in which queries lock them.
        execute(LOCK_TIMEOUT, f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE")
        execute(f"ALTER TABLE {table.name} DETACH PARTITION {name}", f"DROP TABLE {name}")


def replace_partition(table: PartitionedTable, month: datetime, kept: str) -> None:
    name = table.partition(month)
    copy = f"{name}_kept"
    with transaction.atomic():
        # Readers go on while the rows are copied; a late row of the month waits.
        execute(
            LOCK_TIMEOUT,
            f"SELECT pg_advisory_xact_lock({PARTITION_LOCK})",
            f"LOCK TABLE {name} IN SHARE MODE",
            f"CREATE TABLE {copy} (LIKE {name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
            f"INSERT INTO {copy} SELECT * FROM {name} WHERE {kept}",
            f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE",
            f"ALTER TABLE {table.name} DETACH PARTITION {name}",
            f"DROP TABLE {name}",
            f"ALTER TABLE {copy} RENAME TO {name}",
            attach(table, name, month),
        )


def has_rows(relation: str, condition: str) -> bool:
    return bool(rows(f"SELECT 1 FROM {relation} WHERE {condition} LIMIT 1"))
