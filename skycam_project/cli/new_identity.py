"""`skycam hosts new-identity`: a copy of another machine's data folder becomes a machine of its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from core.text.names import NAME_PATTERN
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.privileges import privileged_caller, require_privileged_operation
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current


@click.command("new-identity", cls=Command)
@click.argument("name")
@shared_option("--yes", "Do it without asking.")
@require_privileged_operation
def new_identity(name: str, confirmed: bool) -> None:
    """Make this copy of a machine a host of its own, NAME.

    Its cameras stay those of the other machine, and so do the pictures and records that were copied with it: nothing of
    them is delivered from here. Then set SKYCAM_HOST to NAME, and start Skycam.

    Example: skycam hosts new-identity attic
    """
    privileged_caller()
    from cameras.supervision.host_identity import renew_installation

    config = current().config
    check_name(name, config.host)
    check_stopped()
    if not confirmed:
        confirm(config.host, name)
    folders = [str(folder) for folder in storage_folders() if set_root_aside(folder, config.host)]
    # Last: a kill before it repeats the steps.
    installation = renew_installation(config.data)
    body = {"host": name, "former": config.host, "installation": installation, "set_aside": folders}
    print_result(body, print_identity)


def check_name(name: str, present: str) -> None:
    from cameras.models import Camera, CameraHost
    from skycam_project.config.keys import NAME

    if not re.fullmatch(NAME_PATTERN, name):
        raise CliError("invalid", f"{name!r} cannot be the name of a host. Allowed is {NAME}.")
    is_known = CameraHost.objects.filter(name=name).exists() or Camera.objects.present().filter(host=name).exists()
    if name == present or is_known:
        raise CliError("invalid", f"The station has a host {name} already. Choose another name.")


def check_stopped() -> None:
    from skycam_project.launch import LaunchError, ps

    try:
        ps(current().config)
    except LaunchError:
        return
    raise CliError("busy", "Skycam runs on this data folder. Stop it first.")


def confirm(former: str, name: str) -> None:
    """CliError where no one can answer; Abort for a no."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError("invalid", "Nothing was changed: no one can be asked here. Add --yes.")
    click.confirm(f"Is this machine a copy of {former}, and to become the host {name}?", abort=True, err=True)


def storage_folders() -> list[Path]:
    config = current().config
    found = (config.storage_root, config.video_path, config.service.image_save_path)
    return list(dict.fromkeys(folder for folder in found if folder is not None))


def set_root_aside(folder: Path, former: str) -> bool:
    """The folder becomes a new storage root at the next start, without the records of the other machine. False when it
    is no root."""
    from cameras.spool.storage import MARKER

    marker, spool = folder / MARKER, folder / ".spool"
    if not marker.exists():
        return False
    if spool.exists():
        spool.rename(spool.with_name(f".spool-of-{former}"))
    marker.rename(marker.with_name(f"{MARKER}-of-{former}"))
    return True


def print_identity(body: dict[str, Any]) -> None:
    name, former = body["host"], body["former"]
    print_line(f"This machine has an identity of its own. Set SKYCAM_HOST={name}, then start Skycam.")
    print_line(f"The cameras of {former} stay there; add those of this machine: skycam cameras detect.")
    for folder in body["set_aside"]:
        print_line(f"The pictures in {folder} are copies of those of {former}: delete them when you need the room.")
