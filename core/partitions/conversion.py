"""A plain table becomes a partitioned one, in a migration."""

from __future__ import annotations

from core.partitions.creation import attach, months_ahead, months_of_rows
from core.partitions.tables import PartitionedTable, execute, rows

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
