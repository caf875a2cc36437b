"""Celery tasks for thumbnails and posters. Each puts the file into this host's thumbnail queue and returns."""

from __future__ import annotations

from celery import shared_task

from captures.capturing.models import CaptureFile
from captures.files.thumbnail_queue import job_for, local_queue
from captures.recordings.clips.models import Clip
from captures.storage.archives.models import ArchiveFile
from captures.storage.archives.selectors import copy_of


@shared_task(name="captures.render_file", ignore_result=True)
def render_file(file: int | str) -> None:
    """Does nothing when the row no longer exists. A second task for the same file changes nothing."""
    found = CaptureFile.objects.select_related("root").filter(pk=file).first()
    if found is not None:
        local_queue().enqueue(job_for(found))


@shared_task(name="captures.render_clip", ignore_result=True)
def render_clip(clip: str) -> None:
    found = Clip.objects.present().select_related("root").filter(pk=clip).first()
    if found is not None:
        local_queue().enqueue(job_for(found))


@shared_task(name="captures.render_archived", ignore_result=True)
def render_archived(file: str) -> None:
    found = (
        ArchiveFile.objects.select_related("folder__archive", "folder__root")
        .defer("folder__archive__manifest")
        .filter(pk=file)
        .first()
    )
    if found is not None:
        local_queue().enqueue(job_for(copy_of(found)))
