"""`skycam verify`: compare files with their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.jobs import run_job
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current


@click.command(cls=Command)
@camera("Only files of this camera.")
@shared_option("--since", "Only files from this time: 22:30, 2026-03-01T22:30:00Z, or 2 d (ago).")
@shared_option("--host", "Verify the files of this host; of this one by default.")
def verify(camera: str | None, since: datetime | None, host: str | None) -> int:
    """Compare files of captures and clips with the database.

    It reads each file and compares size and SHA-256. A missing or damaged file raises an alert. This is a job on the
    host that holds the files: Ctrl-C ends the command, and the job goes on.

    Example: skycam verify dslr --since 2d
    """
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.models import StorageRoot
    from core.station_zone import site_time_text

    found = find_camera(caller, camera) if camera is not None else None
    host = host or settings.STATION.host
    if not StorageRoot.objects.filter(host=host).exists():
        raise CliError("invalid", f"The host {host} has no files.")
    since_text = since.isoformat(timespec="seconds") if since else None
    newer = f" since {site_time_text(since)}" if since else ""
    job = run_job(
        caller,
        "verify",
        host,
        subject=f"{found.slug if found else 'all files'}{newer}",
        arguments={"camera": str(found.pk) if found else None, "since": since_text},
        camera=found,
    )
    body = dict(job.result or {})
    print_result({"job": str(job.pk), "host": job.host, **body}, print_verification)
    return FAILED if body["missing"] or body["damaged"] or body["problems"] else 0


def print_verification(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.amounts import pluralize

    if body["results"]:
        rows = [[one["camera"], one["path"], one["what"]] for one in body["results"]]
        print_table(make_table(["camera", "file", "what"], rows))
    summary = f"{pluralize(body['files'], 'file')} read, {format_bytes(body['bytes'])}"
    print_line(f"{summary}: {body['missing']} missing, {body['damaged']} damaged.")
    print_warnings(body["problems"])
