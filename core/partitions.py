"""Tables that PostgreSQL keeps in a partition for each month: made ahead of time by `create_partitions()`, removed in
milliseconds by `drop_partitions()`. SQLite has the same models in plain tables, and all functions do nothing there.
Each table has a DEFAULT partition, so that a row of a wrong clock is stored, too. Why, and what it costs:
docs/decisions/partitions.md."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from core import database_clock

log = logging.getLogger(__name__)

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


INDEXES = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT EXISTS (
    SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u')
) ORDER BY 1
"""
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype IN ('u', 'f') ORDER BY contype DESC, conname
"""
IDENTITY = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''"


def partition_table(table: PartitionedTable) -> None:
    """Copy the rows into partitions of their months, within the transaction of a migration, which locks the table until
    it ends. The primary key gets the partition's column, as PostgreSQL demands; no foreign key may point at the table.
    """
    new, months = f"{table.name}_new", sorted({*months_ahead(), *months_of_rows(table, table.name)})
    execute(
        f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {new} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS) "
        f"PARTITION BY RANGE ({table.column})",
        f"CREATE TABLE {table.default} PARTITION OF {new} DEFAULT",
    )
    for month in months:
        execute(f"CREATE TABLE {table.partition(month)} (LIKE {new} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        execute(attach(PartitionedTable(new, table.column, table.in_ms), table.partition(month), month))
    indexes = [str(definition) for [definition] in rows(INDEXES, table.name)]
    constraints, identities = rows(CONSTRAINTS, table.name), rows(IDENTITY, table.name)
    execute(
        f"INSERT INTO {new} SELECT * FROM {table.name}",
        f"DROP TABLE {table.name}",
        f"ALTER TABLE {new} RENAME TO {table.name}",
        f"ALTER TABLE {table.name} ADD CONSTRAINT {table.name}_pkey PRIMARY KEY (id, {table.column})",
        *(f'ALTER TABLE {table.name} ADD CONSTRAINT "{name}" {definition}' for name, definition in constraints),
        *(definition.replace(" ON ONLY ", " ON ") for definition in indexes),
    )
    for [column] in identities:
        sequence = f"{table.name}_{column}_seq"
        execute(
            f"ALTER SEQUENCE {new}_{column}_seq RENAME TO {sequence}",
            f"SELECT setval('{sequence}', (SELECT coalesce(max({column}), 0) + 1 FROM {table.name}), false)",
        )


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
