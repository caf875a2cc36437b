"""Finds rows by a prefix of their id, like a commit by a prefix of its hash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from skycam_project.cli.errors import CliError

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound="Model")
HEX = re.compile(r"[0-9a-f]{4,32}", re.IGNORECASE)


def find_by_id(rows: QuerySet[Row] | list[Row], text: str, what: str, listed_by: str = "") -> Row:
    """The one row of `rows` whose id begins with `text`; `what` is `capture`, `session`, ... `listed_by` is the command
    that lists them, if it is not `skycam captures list`. Raises CliError."""
    listed_by = listed_by or f"skycam {what}s list"
    digits = text.replace("-", "")
    if not HEX.fullmatch(digits):
        raise CliError("invalid", f"{text!r} is not the id of {article(what)} {what}. `{listed_by}` shows ids.")
    # A range uses the index of the primary key; PostgreSQL's uuid type has no prefix search.
    least, most = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    if isinstance(rows, list):
        found = [row for row in rows if least <= row.pk <= most]
    else:
        found = list(rows.filter(pk__gte=least, pk__lte=most)[:2])
    if len(found) > 1:
        raise CliError("invalid", f"More than one {what} has an id that begins with {text}. Give more characters.")
    if not found:
        raise CliError("not-found", f"There is no {what} {text}. `{listed_by}` lists all.")
    return found[0]


def article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def find_newest(rows: QuerySet[Row], what: str, camera: str | None) -> Row:
    """The first of `rows`, which are sorted newest first; CliError when there is none."""
    found = rows.first()
    if found is None:
        raise CliError("not-found", f"There is no {what}{f' of {camera}' if camera else ''} yet.")
    return found
