"""`skycam record cleanup`: what of the recordings is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.recording.cleaning import Looked

WHY = {"count": "beyond rolling_clips_count", "space": "room on the disk", "asked": "deleted before"}


@click.command("cleanup", cls=Command)
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
def cleanup(dry_run: bool) -> int:
    """Delete rolling clips of this host that are too many, or in the way of free space.

    Pinned and held clips stay. The station does the same by itself every two seconds.
    """
    caller = current().authorize("manager")
    from captures.recording.bodies import gone_body

    looked = planned() if dry_run else cleaned(caller.actor)
    results = [dict(gone_body(one)) for one in looked.gone]
    body = {"dry_run": dry_run, "bytes": sum(one.clip.bytes for one in looked.gone), "problems": looked.problems}
    print_result({**body, "results": results}, draw)
    return FAILED if looked.problems else 0


def planned() -> Looked:
    from django.conf import settings

    from cameras.runtime.storage import RootMissing
    from captures.recording.cleaning import Looked, would_go

    looked = Looked()
    try:
        for one in would_go(settings.STATION.host):
            looked.gone.append(one)
    except (RootMissing, OSError) as error:
        looked.problems.append(str(error))
    return looked


def cleaned(actor: str) -> Looked:
    """Look after look, since each is short, until nothing more goes."""
    from django.conf import settings

    from captures.recording.cleaning import Cleaning, Looked

    cleaning, whole = Cleaning(settings.STATION.host, actor), Looked()
    while (looked := cleaning.look()).gone:
        whole.gone += looked.gone
    whole.problems = looked.problems
    return whole


def draw(body: dict[str, Any]) -> None:
    from captures.recording.cleaned import counted
    from monitoring.templatetags.skycam import amount

    rows = [
        [one["camera"], one["filename"], format_time(one["started"]), amount(one["bytes"]), WHY[one["why"]]]
        for one in body["results"]
    ]
    if rows:
        print_table(make_table(["camera", "clip", "started", "size", "why"], rows))
    verb = "would go" if body["dry_run"] else "went"
    print_line(f"{counted(len(rows))} {verb}, {amount(body['bytes'])}.")
    print_warnings(body["problems"])
