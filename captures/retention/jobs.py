"""The job `clip_cleanup`: clean up the clips of a host at a person's request."""

from __future__ import annotations

from typing import Any, TypedDict

from django.conf import settings

from captures.retention.bodies import DeletedBody, deleted_body
from captures.retention.cleanup import ClipCleanup
from core.jobs.context import JobContext
from core.text.plurals import pluralize

MAX_LISTED = 5000
"""Deleted clips in the result. All are counted, and all are in events."""


class CleanupReport(TypedDict):
    bytes: int
    clips: int
    problems: list[str]
    results: list[DeletedBody]


def clean_up_clips(context: JobContext) -> dict[str, Any]:
    """Run passes until one deletes nothing, as each pass covers a part. After a kill the next attempt goes on with what
    is left; the result then lists what that attempt deleted."""
    cleanup = ClipCleanup(settings.STATION.host, context.actor, should_continue=lambda: not context.should_stop())
    report = CleanupReport(bytes=0, clips=0, problems=[], results=[])
    while not context.should_stop():
        result = cleanup.run()
        report["problems"] = result.problems
        if not result.deleted:
            break
        report["clips"] += len(result.deleted)
        report["bytes"] += sum(one.clip.bytes for one in result.deleted)
        room = MAX_LISTED - len(report["results"])
        report["results"] += [deleted_body(one) for one in result.deleted[:room]]
        context.progress(report["clips"], None, f"{pluralize(report['clips'], 'clip')} deleted")
    return dict(report)
