"""Copies all rows of the SQLite database to PostgreSQL, in one transaction there, with the values of SQLite's columns
as Python values of PostgreSQL's, and compares checksums of them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_mark",
        "after_migrations",
        "after_lock",
        "after_table",
        "after_commit",
        "after_stop",
        "after_record",
        "after_start",
    )
)


BITS = 64
NUL = "PostgreSQL stores no NUL character in a text"


class UnfitValue(ValueError):
    """PostgreSQL's column does not take this value of SQLite. The message says why, without the value."""


def to_text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitValue("it is no text")
    if "\0" in value:
        raise UnfitValue(NUL)
    return value


def to_json(value: Any) -> Any:
    found = json.loads(to_text(value), parse_constant=_refuse_constant)
    if "\\u0000" in value and _has_nul(found):
        raise UnfitValue(NUL)
    return found


def _has_nul(found: Any) -> bool:
    if isinstance(found, dict):
        return any(_has_nul(key) or _has_nul(value) for key, value in found.items())
    return any(map(_has_nul, found)) if isinstance(found, list) else isinstance(found, str) and "\0" in found


def _refuse_constant(name: str) -> None:
    raise UnfitValue(f"JSON has no {name}")


def to_moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def to_integer(value: Any) -> int:
    if int(value) != value:
        raise UnfitValue("it is no whole number")
    return int(value)


def to_boolean(value: Any) -> bool:
    if value not in (0, 1):
        raise UnfitValue("it is neither 0 nor 1")
    return bool(value)


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "bool": to_boolean,
    "bytea": bytes,
    "date": date.fromisoformat,
    "float8": float,
    "inet": to_text,
    "int2": to_integer,
    "int4": to_integer,
    "int8": to_integer,
    "jsonb": to_json,
    "text": to_text,
    "time": time.fromisoformat,
    "timestamptz": to_moment,
    "uuid": uuid.UUID,
    "varchar": to_text,
}
"""Type of PostgreSQL -> its value from that of SQLite, which is not None. Types of new kinds of fields come here."""


def convert(value: Any, kind: str) -> Any:
    """UnfitValue."""
    if value is None:
        return None
    try:
        return CONVERSIONS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        reason = str(error) if isinstance(error, UnfitValue) else f"it is no {kind}"
        raise UnfitValue(reason) from None


def as_parameter(value: Any, kind: str) -> Any:
    """As psycopg takes it."""
    return Jsonb(value) if kind == "jsonb" and value is not None else value


class Checksum:
    """Of rows in any order: the sum of a hash of each. Equal values have an equal one, from whichever database."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, row: Sequence[Any]) -> None:
        digest = hashlib.blake2b(repr(_canonical(row)).encode("utf-8", "surrogatepass"), digest_size=BITS // 8).digest()
        self.rows, self._sum = self.rows + 1, (self._sum + int.from_bytes(digest)) % (1 << BITS)

    @property
    def text(self) -> str:
        return f"{self._sum:0{BITS // 4}x}"


def _canonical(value: Any) -> Any:
    match value:
        case bool() | None | str() | bytes() | int():
            return value
        case float():
            # JSON's numbers have one type in PostgreSQL: 1e3 comes back as 1000, and -0.0 as 0.
            return int(value) if value.is_integer() else value
        case list() | tuple():
            return [_canonical(one) for one in value]
        case dict():
            return sorted((key, _canonical(one)) for key, one in value.items())
        case _:
            return str(value)  # UUID, time, date, address


def read_checksum(connection: psycopg.Connection[Any], query: Any) -> Checksum:
    """Of what a query finds, with flat memory."""
    found = Checksum()
    with connection.cursor("skycam_move") as cursor:
        cursor.itersize = 5000
        cursor.execute(query)
        add_all(found, cursor)
    return found


def add_all(found: Checksum, rows: Iterable[Sequence[Any]]) -> None:
    for row in rows:
        found.add(row)


BATCH = 5000


class MoveRefused(Exception):
    """The database cannot be moved, and stays where it is. The message says what to do."""


@dataclass(frozen=True)
class Table:
    """`columns` are name and type in PostgreSQL, in its order."""

    name: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CopiedTable:
    name: str
    rows: int
    checksum: str


Progress = Callable[[str, int, int], None]
"""Table, rows copied, rows of the table."""


def source_tables(source: sqlite3.Connection) -> list[str]:
    names = source.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name for (name,) in names if not name.startswith("sqlite_")]


def count_rows(source: sqlite3.Connection, table: str) -> int:
    [count] = source.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 - a name of our own schema
    return int(count)


def target_tables(target: psycopg.Connection[Any]) -> dict[str, Table]:
    """Those of the schema, without the parts of partitioned ones."""
    rows = target.execute(
        "SELECT c.relname, a.attname, t.typname FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema() "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "AND a.attgenerated = '' LEFT JOIN pg_type t ON t.oid = a.atttypid "
        "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname, a.attnum"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    return {name: Table(name, tuple(columns)) for name, columns in found.items()}


def matched_tables(source: sqlite3.Connection, target: psycopg.Connection[Any]) -> list[Table]:
    """The tables of the source with their columns in the target. MoveRefused."""
    there = target_tables(target)
    found = []
    for name in source_tables(source):
        table = there.get(name)
        own = {row[1] for row in source.execute(f'PRAGMA table_info("{name}")')}
        if table is None or {column for column, _ in table.columns} != own:
            raise MoveRefused(
                f"The table {name} is not the same in PostgreSQL. It is of another version or of another program: "
                "remove it from the file, or report this."
            )
        found.append(table)
    return found


def copy_all(
    source: sqlite3.Connection, target: psycopg.Connection[Any], tables: list[Table], progress: Progress
) -> list[CopiedTable]:
    """Replaces what is in the tables of the target, and compares; the caller ends the transaction. MoveRefused;
    psycopg.Error; sqlite3.Error."""
    # The rows that the migrations have inserted are in the source, too, as they are today.
    target.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(sql.Identifier(one.name) for one in tables)))
    target.execute("SET CONSTRAINTS ALL DEFERRED")
    sent = [(table, copy_table(source, target, table, progress)) for table in tables]
    return [compare(target, table, checksum) for table, checksum in sent]


def copy_table(
    source: sqlite3.Connection, target: psycopg.Connection[Any], table: Table, progress: Progress
) -> Checksum:
    total, sent = count_rows(source, table.name), Checksum()
    progress(table.name, 0, total)
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in table.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with target.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in batches(source, table):
            for row in batch:
                values = convert_row(table, row)
                sent.add(values)
                copy.write_row(
                    [as_parameter(value, kind) for value, (_, kind) in zip(values, table.columns, strict=True)]
                )
            progress(table.name, sent.rows, total)
    set_sequences(source, target, table)
    FAILPOINTS.hit("after_table")
    return sent


def batches(source: sqlite3.Connection, table: Table) -> Iterator[list[Any]]:
    names = ", ".join(f'"{name}"' for name, _ in table.columns)
    rows = source.execute(f'SELECT {names} FROM "{table.name}"')  # noqa: S608 - names of our own schema
    while batch := rows.fetchmany(BATCH):
        yield batch


def convert_row(table: Table, row: tuple[Any, ...]) -> list[Any]:
    """MoveRefused, with the place of the value."""
    found: list[Any] = []
    for (name, kind), value in zip(table.columns, row, strict=True):
        try:
            found.append(convert(value, kind))
        except UnfitValue as error:
            raise MoveRefused(
                f"The row {row[0]!r} of the table {table.name} cannot be moved: the value of {name} does not fit "
                f"({error}). Change or delete it in Skycam, and move again."
            ) from None
    return found


def set_sequences(source: sqlite3.Connection, target: psycopg.Connection[Any], table: Table) -> None:
    """The next id is above each that was ever given, also of rows that were deleted."""
    given = source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name]).fetchone()
    for name, kind in table.columns:
        if not kind.startswith("int"):
            continue
        target.execute(
            sql.SQL(
                "SELECT setval(s.name, greatest(s.highest, 1), s.highest > 0) FROM (SELECT "
                "pg_get_serial_sequence({table_name}, {column_name}) AS name, "
                "greatest((SELECT max({column}) FROM {table}), {given}, 0) AS highest) s WHERE s.name IS NOT NULL"
            ).format(
                table_name=sql.Literal(f'"{table.name}"'), column_name=sql.Literal(name), column=sql.Identifier(name),
                table=sql.Identifier(table.name), given=sql.Literal(given[0] if given else 0),
            )
        )  # fmt: skip


def compare(target: psycopg.Connection[Any], table: Table, sent: Checksum) -> CopiedTable:
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in table.columns)
    there = read_checksum(target, sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(table.name)))
    if (there.rows, there.text) != (sent.rows, sent.text):
        raise MoveRefused(
            f"The table {table.name} differs after it was copied: {sent.rows} rows with the checksum {sent.text} here, "
            f"{there.rows} rows with {there.text} there. Nothing was moved. Report this."
        )
    return CopiedTable(table.name, there.rows, there.text)
