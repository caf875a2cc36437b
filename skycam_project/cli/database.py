"""`skycam database`: where the station's database is."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.privileges import require_privileged_operation
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

STDIN = "-"


@click.group(cls=Group)
def database() -> None:
    """Move the station's database to another server."""


@database.command("move", cls=Command)
@click.argument("url", metavar="URL")
@shared_option("--dry-run", "Only check; nothing is written.")
@require_privileged_operation
def move(url: str, dry_run: bool) -> int:
    """Move the SQLite database to the PostgreSQL of URL.

    The station may run: its cameras and sessions go on while rows are copied, and what they record waits. Then it is
    restarted with the new database, which takes some seconds. The old file is kept. With - the URL is read from stdin,
    because every user of the machine can read command lines.
    """
    station = current()
    station.set_up_django()
    import sqlite3

    import psycopg

    from core.database_move import MoveRuns
    from skycam_project.config.database import check_database_url
    from skycam_project.launch.preflight import LaunchError
    from skycam_project.moving.copying import MoveRefused
    from skycam_project.moving.move import DatabaseMove, NotStarted

    is_quiet = station.output == "json"
    given = sys.stdin.readline().strip() if url == STDIN else url
    try:
        check_database_url(given)
        command = DatabaseMove(station.config, given, lambda *at: None if is_quiet else print_progress(*at))
        result = command.check() if dry_run else command.run()
    except (MoveRefused, MoveRuns, LaunchError, ValueError) as error:
        raise CliError("invalid", str(error), status=FAILED) from None
    except NotStarted as error:
        raise CliError("failed", str(error)) from None
    except (psycopg.Error, sqlite3.Error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CliError("failed", f"The database was not moved: {reason}. The old one is in use.") from None
    print_result(move_body(result, dry_run=dry_run), print_moved)
    return FAILED if result.has_failed else 0


def print_progress(table: str, rows: int, total: int) -> None:
    if total and (rows == total or rows == 0 or rows % 50_000 == 0):
        print(f"{table}: {rows} of {total} rows", file=sys.stderr)


def move_body(result: Any, *, dry_run: bool) -> dict[str, Any]:
    body = asdict(result)
    return {**body, "dry_run": dry_run, "moved": bool(result.kept)}


def print_moved(body: dict[str, Any]) -> None:
    for one in body["checks"]:
        print_line(f"{'ok    ' if one['ok'] else 'FAILED'}  {one['check'] + ':':<12} {one['message']}")
    if not body["moved"]:
        print_line("Nothing was written." if body["dry_run"] else "Nothing was moved.")
        return
    print_table(make_table(["table", "rows", "checksum"], [[*one.values()] for one in body["tables"]]))
    rows = sum(one["rows"] for one in body["tables"])
    print_line(f"Moved {rows} rows, equal on both sides. Writes waited {body['hold_s']:.1f} s.")
    if body["pause_s"] is not None:
        print_line(f"The station runs on PostgreSQL. Its parts were stopped for {body['pause_s']:.1f} s.")
    print_line(f"The old file is kept: {body['kept']}")
