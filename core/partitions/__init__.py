"""Tables that PostgreSQL keeps in a partition for each month: `create_partitions()` makes them, `drop_partitions()`
removes old ones in milliseconds. SQLite has the same models in plain tables, and all functions do nothing there.

Each table has a DEFAULT partition, so that a row of a wrong clock is stored, too. Why, and what it costs:
docs/decisions/partitions.md.
"""

from __future__ import annotations

from core.partitions.conversion import partition_table
from core.partitions.creation import MOST_COUNTED, create_partitions, rows_outside_months
from core.partitions.retention import drop_partitions, first_row_to_stay
from core.partitions.tables import (
    BEYOND_MONTH,
    EVENTS,
    PARTITIONED,
    READINGS,
    PartitionedTable,
    default_partition,
    months_of,
)

__all__ = [
    "BEYOND_MONTH",
    "EVENTS",
    "MOST_COUNTED",
    "PARTITIONED",
    "READINGS",
    "PartitionedTable",
    "create_partitions",
    "default_partition",
    "drop_partitions",
    "first_row_to_stay",
    "months_of",
    "partition_table",
    "rows_outside_months",
]
