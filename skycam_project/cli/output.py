"""Output of commands: one JSON object for programs, tables and lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.station import Station, current

if TYPE_CHECKING:
    from rich.table import Table

PIPE_WIDTH = 200
NAME_WIDTH = 12
YEAR_IS_CLEAR = timedelta(days=180)


def print_result(body: dict[str, Any], print_body: Callable[[dict[str, Any]], None]) -> None:
    """Print the command's result in the chosen format."""
    if current().output == "json":
        click.echo(to_json(body, indent=2))
    else:
        print_body(body)


def print_error(station: Station, error: CliError) -> int:
    """Print the error, on stderr for people and on stdout for programs; returns the exit status."""
    if station.output == "json":
        click.echo(to_json(error.body(station.command), indent=2))
    else:
        for line in error.detail.splitlines():
            print_line(f"skycam: {line}", err=True)
    return error.status


def to_json(body: Any, indent: int | None = None) -> str:
    return json.dumps(body, ensure_ascii=False, indent=indent, default=json_default)


def json_default(value: object) -> str:
    """The text of a value that JSON has no type for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def print_line(text: str, *, err: bool = False) -> None:
    click.echo(strip_control_characters(text), err=err)


def strip_control_characters(text: object) -> str:
    """The text without control characters, which names of cameras and files may contain."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text))


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """A table of plain text; markup in cells is not interpreted."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        show_edge=False,
    )  # fmt: skip
    for column in columns:
        # rich would shorten long ids and paths with an ellipsis.
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, because rich would interpret brackets in names as markup.
        table.add_row(*(Text(format_cell(value)) for value in row))
    return table


def format_cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return strip_control_characters(value)


def print_table(table: Table) -> None:
    from rich.console import Console

    # rich assumes 80 columns for a pipe, and would break rows that a program or grep reads.
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)


def humanize(word: str) -> str:
    """A state or a reason for people: `host down`."""
    return word.replace("_", " ")


def print_fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Print lines of name and value; unknown values are left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "", [], {})]
    width = max([NAME_WIDTH, *(len(name) + 1 for name, _ in known)])
    for name, value in known:
        print_line(f"{name:<{width}}{format_cell(value)}")


def print_warnings(warnings: Iterable[object]) -> None:
    for warning in warnings:
        print_line(f"warning: {warning}", err=True)


def format_seconds(microseconds: int | None) -> str:
    """`8 s`; below a quarter of a second as a fraction, `1/250 s`."""
    if microseconds is None:
        return ""
    if 0 < microseconds < 250_000:
        return f"1/{round(1e6 / microseconds)} s" if microseconds >= 100 else f"{microseconds} µs"
    return f"{microseconds / 1e6:g} s"


def format_requested_and_used(requested: int | None, used: int | None) -> str:
    if requested is None or requested == used:
        return format_seconds(used)
    return f"{format_seconds(requested)} requested, {format_seconds(used) or 'unknown'} used"


def format_time(text: str | None) -> str:
    """An ISO time for people, by the clock of the site with the name of its zone: `2026-11-26 16:02:00 CET`."""
    if not text:
        return ""
    return f"{datetime.fromisoformat(str(text)).astimezone(current().zone):%Y-%m-%d %H:%M:%S %Z}"


def format_listed_time(text: str | None) -> str:
    """The same for a table of 80 columns: `11-26 16:02:00 CET`, with the year if it is not clear which."""
    shown = format_time(text)
    is_clear = bool(text) and abs(datetime.now(UTC) - datetime.fromisoformat(str(text))) < YEAR_IS_CLEAR
    return shown.partition("-")[2] if is_clear else shown
