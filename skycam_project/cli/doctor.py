"""`skycam doctor`: problems of the station and what to do about them."""

from __future__ import annotations

from typing import Any

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.station import current


@click.command(cls=Command)
def doctor() -> int:
    """Check the station and this machine, and list problems.

    It also works without database, broker or data folder. A check that hangs for 15 s is broken.
    """
    from skycam_project.cli.diagnostics import run_diagnostics

    findings = run_diagnostics(current())
    broken = sum(finding.state == "broken" for finding in findings)
    print_result({"ok": not broken, "checks": [finding.body() for finding in findings]}, print_findings)
    return FAILED if broken else 0


def print_findings(body: dict[str, Any]) -> None:
    rows = [[check["state"], check["check"], check["detail"], check["remedy"]] for check in body["checks"]]
    print_table(make_table(["", "check", "found", "what to do"], rows))
    broken = sum(check["state"] == "broken" for check in body["checks"])
    print_line(f"{broken} to fix." if broken else "Nothing is broken.")
