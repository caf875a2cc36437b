"""The job `forget_files`: remove the rows of the files of a retired host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cameras.models import CameraHost
from captures.capturing.models import Capture, CaptureFile
from captures.recordings.clips.models import Clip, ClipQuerySet
from captures.storage.trash.services import in_use
from core.events.service import record_event
from core.jobs.context import JobContext, JobError
from core.jobs.services import enqueue
from core.text.plurals import pluralize

KIND = "forget_files"
BATCH = 200
Row = TypeVar("Row", CaptureFile, Clip)


def start_forgetting(name: str, actor: str) -> str:
    """The id of the job, which runs on this machine; that of one which has not ended, if there is one."""
    job, _ = enqueue(KIND, settings.STATION.host, camera=None, subject=name, arguments={"host": name}, actor=actor)
    return str(job.pk)


def forgettable_files(name: str) -> QuerySet[CaptureFile]:
    """Files of captures that nothing needs."""
    needed = Capture.objects.filter(in_use()).order_by()
    return CaptureFile.objects.filter(host=name).exclude(capture__pinned=True).exclude(capture__in=needed)


def forgettable_clips(name: str) -> ClipQuerySet:
    return Clip.objects.filter(host=name, pinned=False, holds=None)


def forget_files(context: JobContext) -> dict[str, Any]:
    """Argument: `host`. Removes rows in small transactions. Captures stay, as those whose files were deleted from the
    trash. The next attempt goes on after a kill or a stop."""
    name, counted = context.arguments["host"], Counter(context.checkpoint or {})
    done = counted["files"] + counted["clips"]
    total = done + forgettable_files(name).count() + forgettable_clips(name).count()
    for batch in _forget_in_batches(name, context.actor):
        counted.update(batch)
        done = counted["files"] + counted["clips"]
        context.progress(done, max(done, total), f"forgetting the files of {name}", always=True, **counted)
        if context.should_stop():
            return dict(counted)
    if done:
        message = (
            f"{pluralize(counted['files'], 'file')} of captures and {pluralize(counted['clips'], 'clip')} of the "
            f"retired host {name} were forgotten."
        )
        record_event(
            "host.files_forgotten", message, camera=None, actor=context.actor, subject=name, data=dict(counted)
        )
    return dict(counted)


def _forget_in_batches(name: str, actor: str) -> Iterator[dict[str, int]]:
    """What each batch has removed."""
    for files in _batches(forgettable_files(name)):
        with transaction.atomic():
            _check_retired(name)
            _forget_captures(files, actor)
        yield {"files": len(files), "clips": 0, "bytes": sum(file.bytes for file in files)}
    for clips in _batches(forgettable_clips(name)):
        with transaction.atomic():
            _check_retired(name)
            Clip.objects.filter(pk__in=[clip.pk for clip in clips]).delete()
        yield {"files": 0, "clips": len(clips), "bytes": sum(clip.bytes for clip in clips)}


def _check_retired(name: str) -> None:
    """JobError once its name was given to a machine again. No one can do that until the transaction ends."""
    host = CameraHost.objects.select_for_update().filter(pk=name, retired_files="forget").first()
    if host is None or host.retired_at is None:
        raise JobError(f"The host {name} is not retired any more: its other files stay listed.", permanent=True)


def _batches(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """Until none is left: what a batch removes, the next one does not find."""
    while batch := list(rows.order_by("pk")[:BATCH]):
        yield batch


def _forget_captures(files: list[CaptureFile], actor: str) -> None:
    captures = {file.capture_id for file in files}
    CaptureFile.objects.filter(pk__in=[file.pk for file in files]).delete()
    # A capture with a file on another host stays as it is.
    empty = Capture.objects.filter(pk__in=captures, files=None)
    now = timezone.now()
    Capture.objects.filter(pk__in=list(empty.order_by().values_list("pk", flat=True))).update(
        trashed_at=now, trashed_by=actor, purged_at=now, message="Its files were on a host that was retired."
    )
