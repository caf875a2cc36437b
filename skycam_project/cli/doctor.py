"""`skycam doctor`: problems of the station and what to do about them; `skycam support-bundle`: one file with what
helps to answer a question, without secrets."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.station import Station, current


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


@click.command("support-bundle", cls=Command)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def support_bundle(file: Path | None) -> None:
    """Write logs, configuration, checks and events into a file.

    It is a ZIP file for a question about the station, without secrets. It also works on a broken station; what could
    not be read is listed.

    Example: skycam support-bundle for-support.zip
    """
    from skycam_project.cli.support.bundle import write_bundle

    station = current()
    check_owner(station)
    path = file or Path(time.strftime("skycam-support-%Y%m%d-%H%M%S.zip", time.gmtime()))
    try:
        bundle, size = write_bundle(station, path)
    except FileExistsError:
        raise CliError("invalid", f"{path} exists. Name another file.") from None
    except OSError as error:
        raise CliError("failed", f"{path} cannot be written: {error.strerror}.") from None
    body = {"path": str(path), "bytes": size, "files": list(bundle.texts), "missing": bundle.missing}
    print_result(body, print_bundle)


def check_owner(station: Station) -> None:
    """CliError for a user who may not read the station's folder. With a broken configuration the folder is unknown, and
    the files' own modes decide."""
    from skycam_project.cli.privileges import check_privileged, groups_of_process
    from skycam_project.config import ConfigError

    try:
        data = station.config.data
    except ConfigError:
        return
    check_privileged(os.getuid(), os.stat(data).st_uid, groups_of_process())


def print_bundle(body: dict[str, Any]) -> None:
    if body["missing"]:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in body["missing"].items())
        print_warnings([f"Not in it: {reasons}"])
    print_line(
        f"{body['path']}: {len(body['files'])} files, {body['bytes'] / 1000:.0f} kB. Read it before you send it."
    )
