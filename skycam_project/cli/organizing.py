"""`skycam organize`: make captures of the pictures of a folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.identity import is_owner
from skycam_project.cli.jobs import run_job
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

SUBJECT_LENGTH = 120
HARMLESS = {"duplicate", "not_a_picture", "symbolic_link", "station_folder"}
"""Reasons that need no one's attention: the command exits with 0."""


class TimeZoneParam(click.ParamType[str]):
    name = "time zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from core.times.zones import zone_names

        if value not in zone_names():
            self.fail(f"{value!r} is not a time zone; write a name such as Europe/Berlin or UTC.", param, ctx)
        return str(value)


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@shared_option("--camera", "The camera that took them; the primary one by default.")
@shared_option(
    "--time-zone",
    "Time zone of pictures whose EXIF has no offset from UTC, such as Europe/Berlin; that of the site by default.",
    former="--timezone",
    type=TimeZoneParam(),
)
@click.option("--move", is_flag=True, help="Remove each original once its verified copy is stored.")
@shared_option("--dry-run", "Only show what would be adopted; copy nothing.")
def organize(folder: Path, camera: str | None, time_zone: str | None, move: bool, dry_run: bool) -> int:
    """Adopt the pictures in DIR as captures of a camera.

    It copies JPEG, PNG, TIFF and RAW files from a card or another program, by the time in their EXIF, and leaves out
    those that the station has already. The originals stay. This is a job on the camera's host: Ctrl-C ends the
    command, and the job goes on.

    Example: skycam organize /media/card/DCIM --camera dslr --dry-run
    """
    caller = current().authorize("operator")
    from django.conf import settings

    found = find_camera(caller, camera)
    if found.host != settings.STATION.host:
        raise CliError("invalid", f"{found.slug} is on the host {found.host}. Run the command there, with the folder.")
    real = checked_folder(folder)
    if not is_owner(current().config):
        check_readable(real)
        if move:
            check_removable(real)
    job = run_job(
        caller,
        "organize",
        found.host,
        subject=subject_of(real, time_zone, move=move, dry_run=dry_run, camera=str(found.pk)),
        arguments={
            "camera": str(found.pk),
            "folder": real,
            "time_zone": time_zone,
            "move": move,
            "dry_run": dry_run,
        },
        camera=found,
    )
    body = dict(job.result or {})
    print_result({"job": str(job.pk), "host": job.host, **body}, print_organized)
    return FAILED if set(body["reasons"]) - HARMLESS else 0


def checked_folder(folder: Path) -> str:
    """The folder's absolute path without symbolic links. CliError when it is none, or cannot be passed to a job."""
    real = os.path.realpath(folder)
    if not os.path.isdir(real):
        raise CliError("invalid", f"There is no folder {folder}.")
    try:
        real.encode()
    except UnicodeEncodeError:
        message = "The path of the folder has bytes that are no text. Rename it, or name a folder above it."
        raise CliError("invalid", message) from None
    return real


def check_readable(folder: str) -> None:
    """CliError when the person who runs the command may not read all of it: the station may, for another purpose."""

    def refuse(error: OSError) -> None:
        raise CliError("forbidden", f"You may not read {error.filename}: {error.strerror}.")

    for path, _, names in os.walk(folder, onerror=refuse):
        for name in names:
            file = os.path.join(path, name)
            if not os.path.islink(file) and not os.access(file, os.R_OK):
                raise CliError("forbidden", f"You may not read {file}, so the station does not read it for you.")


def check_removable(folder: str) -> None:
    """CliError when the person who runs the command may not remove files from all of it. In a sticky folder, such as
    /tmp, only its owner may."""
    for path, _, _ in os.walk(folder):
        found = os.stat(path)
        kept = found.st_mode & stat.S_ISVTX and found.st_uid != os.getuid()
        if kept or not os.access(path, os.W_OK | os.X_OK):
            message = f"You may not remove files from {path}, so the station does not do it for you. Omit --move."
            raise CliError("forbidden", message)


def subject_of(folder: str, time_zone: str | None, *, move: bool, dry_run: bool, camera: str) -> str:
    """What makes two requests the same: the second one then waits for the first. Shown to people."""
    from captures.organizing.findings import printable

    options = [word for word, given in (("move", move), ("dry run", dry_run), (time_zone, time_zone)) if given]
    # The camera is shown beside the subject; here its id keeps the folder of two cameras apart.
    digest = hashlib.sha256(f"{folder}\0{camera}".encode()).hexdigest()[:8]
    behind = f" ({', '.join(map(str, [*options, digest]))})"
    shown, room = printable(folder), SUBJECT_LENGTH - len(behind)
    return f"{shown if len(shown) <= room else '…' + shown[-(room - 1) :]}{behind}"


def print_organized(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.sentences import pluralize

    if body["planned"]:
        rows = [[one["started"], ", ".join(one["files"]), one["folder"]] for one in body["planned"]]
        print_table(make_table(["taken", "files", "folder"], rows))
    if body["results"]:
        listed = [[one["path"], one["reason"].replace("_", " "), one["message"]] for one in body["results"]]
        print_table(make_table(["not placed", "reason", ""], listed))
    verb = "would be adopted" if body["dry_run"] else "adopted"
    not_placed = sum(body["reasons"].values())
    summary = f"{pluralize(body['files'], 'file')} found, {pluralize(body['captures'], 'capture')} {verb}"
    print_line(f"{summary} ({format_bytes(body['bytes'])}), {not_placed} not placed.")
    if body["removed"]:
        print_line(f"{pluralize(body['removed'], 'original')} removed.")
    if body["hidden"]:
        print_line(f"{pluralize(body['hidden'], 'hidden file')} ignored.")
    print_line(f"Times without an offset were read in {body['time_zone']}.")
    print_line(f"{format_bytes(body['free_bytes'])} are free in the storage root.")
    print_warnings(body["problems"])
