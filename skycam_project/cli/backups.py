"""`skycam backup` and `skycam restore`, and `skycam activate` for a restored copy whose original station is gone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from core.text.sentences import pluralize
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.privileges import privileged_caller, require_privileged_operation
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

VARIABLE = "SKYCAM_BACKUP__PASSPHRASE"


@click.group(cls=Group)
def backup() -> None:
    """Back up the station, and list its backups."""


@backup.command("make", cls=Command)
@click.option("--media/--no-media", default=None, help="With pictures and clips; backup.media by default.")
@click.option("--passphrase-file", help="A file with the passphrase; - reads it from stdin.")
@require_privileged_operation
def make(media: bool | None, passphrase_file: Any) -> None:
    """Make a backup while the station runs.

    It has the database, the keys, the configuration and the reports, encrypted with a passphrase, and is verified by
    unpacking it into a scratch folder. The passphrase is that of backup.passphrase, or of a file, or is asked for.
    """
    station = current()
    station.set_up_django()
    from skycam_project.backups.archive import BackupFailed
    from skycam_project.backups.jobs import copy_offsite, record_failure, record_success
    from skycam_project.backups.service import make_backup

    config = station.config
    passphrase = read_passphrase(passphrase_file, config.backup.passphrase, confirm=True)
    try:
        body = make_backup(
            config, passphrase, media=config.backup.media if media is None else media,
            step=lambda _text: None,
        )  # fmt: skip
        if config.backup.offsite:
            copy_offsite(config, body)
    except BackupFailed as error:
        record_failure(str(error))
        raise CliError("failed", str(error)) from None
    record_success(body)
    print_result(dict(body), print_made)


@backup.command("list", cls=Command)
@require_privileged_operation
def list_made() -> None:
    """List the backups of this machine."""
    from skycam_project.backups.service import list_backups

    print_result({"results": list_backups(current().config)}, print_backups)


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--passphrase-file", help="A file with the passphrase; - reads it from stdin.")
def restore(file: Path, passphrase_file: Any) -> None:
    """Restore the backup FILE into an empty data folder.

    The restored station starts paused; `skycam activate` ends the pause.
    """
    station = current()
    station.use_config()
    from skycam_project.backups.archive import BackupFailed
    from skycam_project.backups.encrypted_file import DecryptionError
    from skycam_project.backups.restoring import RestoreRefused
    from skycam_project.backups.restoring import restore as restore_backup
    from skycam_project.config import ConfigManager

    manager = ConfigManager(station.config_path, complete=False)
    # Otherwise the output would load the whole configuration, which creates files in the data folder.
    station.chosen_output = station.chosen_output or manager.config.cli.output_format
    data = (manager.here / manager.config.data).resolve()
    passphrase = read_passphrase(passphrase_file, manager.config.backup.passphrase, confirm=False)
    try:
        found = restore_backup(file, passphrase, data, manager.config.database_url)
    except (RestoreRefused, DecryptionError, BackupFailed) as error:
        raise CliError("failed", str(error)) from None
    except OSError as error:
        raise CliError("failed", f"{error.filename or data} cannot be written: {error.strerror}.") from None
    print_result(
        {"data": found.data, "files": found.files, "backup": found.about, "configuration": found.configuration},
        print_restored,
    )


def read_passphrase(file: Any, configured: str, *, confirm: bool) -> str:
    """From the file, the configuration or a person. CliError where no one can be asked."""
    if file is not None:
        text = sys.stdin.readline() if str(file) == "-" else Path(str(file)).read_text("utf-8")
        return text.strip("\r\n")
    if configured:
        return configured
    if not sys.stdin.isatty():
        raise CliError("invalid", f"There is no passphrase. Set {VARIABLE}, or give --passphrase-file FILE.")
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))


def print_made(body: dict[str, Any]) -> None:
    print_line(
        f"Backed up and verified: {body['name']} ({pluralize(body['files'], 'file')}, {body['bytes'] / 1e6:.1f} MB)."
    )
    print_warnings(f"not in the backup: {folder}, which is outside the data folder" for folder in body["left_out"])


def print_backups(body: dict[str, Any]) -> None:
    rows = [
        [one["name"], format_time(one["made"]), f"{one['bytes'] / 1e6:.1f} MB", "yes" if one["media"] else "no",
         offsite_cell(one)]
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(["backup", "made", "size", "media", "off-site"], rows))


def offsite_cell(one: dict[str, Any]) -> str:
    copy = one.get("offsite")
    return "" if not copy else copy["destination"] if copy["verified"] else f"failed: {copy['error']}"


def print_restored(body: dict[str, Any]) -> None:
    print_line(f"Restored {pluralize(body['files'], 'file')} into {body['data']}.")
    for name in body["configuration"]:
        print_line(f"Look through {os.path.join(body['data'], name)}, and put it in its place.")
    print_line("Start the station with `skycam up`: it is paused until `skycam activate`.")


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
