"""`skycam join`: makes this machine a camera host of another machine's station."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result, print_warnings
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.hosts.join import CheckResult, Joining

STDIN = "-"
MARKS = {True: "ok    ", False: "FAILED"}


@click.command(cls=Command)
@click.argument("line", metavar="LINE")
@shared_option("--dry-run", "Only check; nothing is written.")
def join(line: str, dry_run: bool) -> int:
    """Make this machine a camera host of another station.

    LINE is what `skycam hosts invite NAME` prints on the main machine; with - it is read from stdin. All checks must
    pass before anything is written.
    """
    from skycam_project.config import ConfigManager
    from skycam_project.hosts.join import JoinCommand
    from skycam_project.hosts.join_line import parse_line

    station = current()
    station.use_config()
    manager = ConfigManager(station.config_path, complete=False)
    # Otherwise the output would load the whole configuration, and create a station in a data folder that exists.
    station.chosen_output = station.chosen_output or manager.config.cli.output_format
    # Every user of the machine can read command lines.
    parsed = parse_line(sys.stdin.readline() if line == STDIN else line)
    is_quiet = station.output == "json"
    command = JoinCommand(parsed, manager, lambda result: None if is_quiet else print_check(result))
    try:
        result = command.run(dry_run=dry_run)
    except OSError as error:
        raise CliError("failed", f"{error.filename or manager.dotenv} cannot be written: {error.strerror}.") from None
    print_result(join_body(result, dry_run=dry_run), print_joined)
    return FAILED if result.has_failed else 0


def join_body(result: Joining, *, dry_run: bool) -> dict[str, Any]:
    return {
        "host": result.host,
        "station": result.station,
        "joined": bool(result.written),
        "dry_run": dry_run,
        "checks": [{"check": one.check, "ok": one.ok, "message": one.message} for one in result.checks],
        "notes": result.notes,
        "written": result.written,
    }


def print_check(result: CheckResult) -> None:
    print_line(f"{MARKS[result.ok]}  {result.check + ':':<14} {result.message}")


def print_joined(body: dict[str, Any]) -> None:
    print_warnings(body["notes"])
    if not all(one["ok"] for one in body["checks"]):
        print_line("Nothing was written. The line stays valid on this machine until it expires; run the command again.")
    elif body["dry_run"]:
        print_line("All checks passed. Nothing was written. Run the command without --dry-run on this machine.")
    else:
        for path in body["written"]:
            print_line(f"wrote {os.path.relpath(path)}")
        print_line(f"This machine is the camera host {body['host']}. Start it here: skycam up")
