"""`skycam record cleanup`: delete clips by the retention rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.retention.cleanup import CleanupResult

WHY = {"count": "beyond rolling_clips_count", "space": "disk space", "asked": "marked earlier"}


@click.command("cleanup", cls=Command)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
def cleanup(dry_run: bool) -> int:
    """Delete rolling clips of this host by the retention policy. It selects clips that exceed the number to keep, and
    clips whose space is needed.

    Pinned and held clips are kept. The station does this by itself every two seconds.
    """
    caller = current().authorize("manager")
    from captures.retention.bodies import deleted_body

    result = plan() if dry_run else clean_up(caller.actor)
    results = [dict(deleted_body(one)) for one in result.deleted]
    body = {"dry_run": dry_run, "bytes": sum(one.clip.bytes for one in result.deleted), "problems": result.problems}
    print_result({**body, "results": results}, print_cleanup)
    return FAILED if result.problems else 0


def plan() -> CleanupResult:
    from django.conf import settings

    from cameras.spool.storage import RootMissing
    from captures.retention.cleanup import CleanupResult, plan_cleanup

    result = CleanupResult()
    try:
        for one in plan_cleanup(settings.STATION.host):
            result.deleted.append(one)
    except (RootMissing, OSError) as error:
        result.problems.append(str(error))
    return result


def clean_up(actor: str) -> CleanupResult:
    """Run passes until one deletes nothing, as each pass covers a part."""
    from django.conf import settings

    from captures.retention.cleanup import CleanupResult, ClipCleanup

    runner, whole = ClipCleanup(settings.STATION.host, actor), CleanupResult()
    while (result := runner.run()).deleted:
        whole.deleted += result.deleted
    whole.problems = result.problems
    return whole


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
    print_line(f"{pluralize(len(rows), 'clip')} {verb}, {format_bytes(body['bytes'])}.")
    print_warnings(body["problems"])
