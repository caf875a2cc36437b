"""`skycam activate`: the station that a restored copy was made of is gone."""

from __future__ import annotations

import sys
from typing import Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.privileges import privileged_caller, require_privileged_operation
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current


@click.command(cls=Command)
@shared_option("--yes", "Do it without asking.")
@require_privileged_operation
def activate(confirmed: bool) -> None:
    """End the pause of a restored copy.

    Do it once the station that it was copied from is gone: two stations must not control the same cameras and write to
    the same destinations.
    """
    caller = privileged_caller()
    from core import restored_copy
    from core.events.service import record_event

    data = current().config.data
    copied = restored_copy.copied_from(data)
    if copied is None:
        raise CliError("invalid", f"The station in {data} is not a restored copy that is paused.")
    if not confirmed:
        confirm(copied)
    message = f"The restored copy of {copied} was activated: the station that it was copied from is gone."
    record_event("station.activated", message, camera=None, actor=caller.actor, data={"copied_from": copied})
    # Last: a pause that ended without its event could not be explained later.
    restored_copy.activate(data)
    print_result({"activated": True, "copied_from": copied}, print_activated)


def confirm(copied: str) -> None:
    """CliError where no one can answer; Abort for a no."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError("invalid", "Nothing was changed: no one can be asked here. Add --yes.")
    click.confirm(f"Is the station that this is a copy of ({copied}) off for good?", abort=True, err=True)


def print_activated(_body: dict[str, Any]) -> None:
    print_line("The station is activated. Restart it: its cameras, jobs and off-site copies start then.")
