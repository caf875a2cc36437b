"""The values of SQLite's columns as Python values of the columns of PostgreSQL, and a checksum of rows of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

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
