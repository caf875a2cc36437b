"""The job `organize`: pictures of a folder become captures of a camera."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from captures.files.thumbnails import send_render_task
from captures.organizing.findings import OrganizeResult
from captures.organizing.service import OrganizeRequest, RequestThumbnail, organize_new_files
from core.events.models import Event
from core.events.service import record_event
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.text.sentences import pluralize, sentence

log = logging.getLogger(__name__)


def organize_folder(context: JobContext, request_thumbnail: RequestThumbnail = send_render_task) -> dict[str, Any]:
    """Arguments: `camera` (id), `folder` (absolute), `time_zone` (a name, or None for the site's), `move`, `dry_run`.

    Each attempt lists the folder again, and finds what an earlier one has adopted in the rows. One that was asked to
    stop leaves a checkpoint, so that the next one need not read those files again.
    """
    arguments = context.arguments
    camera = Camera.objects.present().filter(pk=UUID(arguments["camera"])).first()
    if camera is None:
        raise JobError("The camera was removed.", permanent=True)
    if camera.host != settings.STATION.host:
        raise JobError(f"The camera is on the host {camera.host} now. Organize the folder there.", permanent=True)
    request = OrganizeRequest(
        camera=camera,
        folder=arguments["folder"],
        actor=context.actor,
        job=context.id,
        time_zone=arguments.get("time_zone"),
        move=bool(arguments.get("move")),
        dry_run=bool(arguments.get("dry_run")),
        checkpoint=context.checkpoint,
    )
    result, is_complete = organize_new_files(request, context.progress, context.should_stop, request_thumbnail)
    # A job that was stopped for another reason continues later, and then reports all.
    if is_complete or Job.objects.filter(pk=context.id, cancel_requested_at__isnull=False).exists():
        report_adopted(camera, result, context)
    return dict(result)


def report_adopted(camera: Camera, result: OrganizeResult, context: JobContext) -> None:
    """One event for the job, also if its end is not written and it is attempted again."""
    adopted = pluralize(result["captures"], "capture")
    not_placed = sum(result["reasons"].values())
    log.info("Job %s: %s of %s adopted, %d files not placed.", context.id, adopted, camera.slug, not_placed)
    if result["dry_run"] or not result["captures"]:
        return
    if Event.objects.filter(kind="capture.adopted", subject=context.id).exists():
        return
    record_event(
        "capture.adopted",
        sentence(
            "{who} adopted {adopted} of {camera} from {folder}; {files} not placed.",
            who=context.actor,
            adopted=adopted,
            camera=camera,
            folder=result["folder"],
            files=pluralize(not_placed, "file"),
        ),
        camera=camera,
        subject=context.id,
        actor=context.actor,
        data={name: result[name] for name in ("folder", "captures", "bytes", "removed", "reasons")},
    )
