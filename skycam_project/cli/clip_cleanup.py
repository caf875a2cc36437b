"""`skycam record cleanup`: delete clips by the retention rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.jobs import run_job
from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.storage.retention.jobs import CleanupReport
    from skycam_project.cli.identity import Caller

WHY = {
    "count": "beyond rolling_clips_count",
    "age": "too old",
    "space": "disk space",
    "asked": "marked earlier",
}


@click.command("cleanup", cls=Command)
@shared_option("--dry-run", "Only show what would be deleted.")
def cleanup(dry_run: bool) -> int:
    """Delete rolling clips of this host by the retention policy. It selects clips that exceed the number to keep, and
    clips whose space is needed.

    Pinned and held clips are kept. The station does this by itself every two seconds. This is a job: Ctrl-C ends the
    command, and the job goes on.
    """
    caller = current().authorize("manager")
    body = plan() if dry_run else clean_up(caller)
    print_result({"dry_run": dry_run, **body}, print_cleanup)
    return FAILED if body["problems"] else 0


def plan() -> CleanupReport:
    """What the job would delete."""
    from django.conf import settings

    from captures.models import Clip
    from captures.storage.retention.bodies import DeletedBody
    from captures.storage.retention.jobs import CleanupReport
    from captures.storage.retention.planning import make_plan
    from captures.storage.retention.results import Deleted
    from core.resources.answers import body_of

    plan = make_plan(settings.STATION.host, ["clips"])
    report = CleanupReport(bytes=plan.bytes, clips=len(plan.items), problems=list(plan.problems), results=[])
    clips = Clip.objects.select_related("camera")
    for item in plan.items:
        # A clip may be deleted by the station meanwhile.
        for clip in clips.filter(pk=item.pk):
            report["results"].append(body_of(DeletedBody, Deleted(clip, item.why)))
    return report


def clean_up(caller: Caller) -> CleanupReport:
    """Run the job on this host and wait for it."""
    from django.conf import settings

    return cast("CleanupReport", run_job(caller, "clip_cleanup", settings.STATION.host, camera=None).result)


def print_cleanup(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.plurals import pluralize

    rows = [
        [one["camera"], one["filename"], format_time(one["started"]), format_bytes(one["bytes"]), WHY[one["why"]]]
        for one in body["results"]
    ]
    if rows:
        print_table(make_table(["camera", "clip", "started", "size", "why"], rows))
    verb = "would be deleted" if body["dry_run"] else "deleted"
    print_line(f"{pluralize(body['clips'], 'clip')} {verb}, {format_bytes(body['bytes'])}.")
    print_warnings(body["problems"])
