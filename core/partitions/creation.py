"""Makes partitions ahead of time, and for rows that are in the DEFAULT partition."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from core import database_clock
from core.partitions.tables import (
    LOCK_TIMEOUT,
    PARTITIONED,
    PartitionedTable,
    execute,
    is_partitioned,
    month_of,
    months_of,
    next_month,
    rows,
)

log = logging.getLogger(__name__)
MONTHS_AHEAD = 3
"""With the present one. A station whose periodic work stands still for longer writes to the DEFAULT partition."""
OLDEST = timedelta(days=3653)
"""A row that is older has the time of a wrong clock, and stays in the DEFAULT partition."""
MOST_COUNTED = 10_000
PARTITION_LOCK = 0x536B7963_616D7031
"""Of PostgreSQL's advisory locks: two machines do not make one partition at once."""


def create_partitions() -> list[str]:
    """Make the partitions of this month and the next ones, and of each past month of which rows are in a DEFAULT
    partition, which are moved. Returns the names of new partitions. Idempotent; to be called after a migration, a copy
    of the database, and each hour. DatabaseError; what was made before it stays."""
    made = []
    for table in PARTITIONED:
        if is_partitioned(table):
            months = {*months_ahead(), *months_of_rows(table, table.default)} - set(months_of(table))
            made += [name for month in sorted(months) if (name := create_partition(table, month))]
    if made:
        log.info("Made the partitions %s.", ", ".join(made))
    for name, count in rows_outside_months().items():
        if count:
            log.warning("%s has %s rows with times of wrong clocks. Retention removes them last.", name, count)
    return made


def create_partition(table: PartitionedTable, month: datetime) -> str:
    """Returns its name; empty when another process has made it."""
    name, end = table.partition(month), next_month(month)
    with transaction.atomic():
        execute(LOCK_TIMEOUT, f"SELECT pg_advisory_xact_lock({PARTITION_LOCK})")
        if month in months_of(table):
            return ""
        # First the lock that attaching needs: no row of this month comes into the DEFAULT partition meanwhile.
        execute(
            f"LOCK TABLE {table.default} IN ACCESS EXCLUSIVE MODE",
            f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
            f"WITH moved AS (DELETE FROM {table.default} WHERE {table.between(month, end)} RETURNING *) "
            f"INSERT INTO {name} SELECT * FROM moved",
            attach(table, name, month),
        )
    return name


def attach(table: PartitionedTable, name: str, month: datetime) -> str:
    """The statement. It makes the indexes and foreign keys of the table."""
    begin, end = table.literal(month), table.literal(next_month(month))
    return f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})"


def months_ahead() -> list[datetime]:
    months = [month_of(database_clock.read_now())]
    while len(months) < MONTHS_AHEAD:
        months.append(next_month(months[-1]))
    return months


def months_of_rows(table: PartitionedTable, relation: str) -> list[datetime]:
    """The months of the rows that `relation` has, without those that only a wrong clock says."""
    ahead = months_ahead()
    begin, end = month_of(ahead[0] - OLDEST), next_month(ahead[-1])
    found = rows(f"SELECT DISTINCT {table.month_of_row} FROM {relation} WHERE {table.between(begin, end)} ORDER BY 1")
    return [month.replace(tzinfo=begin.tzinfo) for [month] in found]


def rows_outside_months() -> dict[str, int]:
    """Table -> rows in its DEFAULT partition, at most MOST_COUNTED: those of wrong clocks. Empty on SQLite."""
    question = "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) AS found"
    return {
        table.name: rows(question.format(table.default, MOST_COUNTED))[0][0]
        for table in PARTITIONED
        if is_partitioned(table)
    }
