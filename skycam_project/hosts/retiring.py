"""Retire a host that is gone: its name cannot be used again, and its files are kept as rows, or forgotten by the job
`forget_files`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from cameras.models import CameraHost
from cameras.status.status import read_heartbeats
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.outcomes import fail_unsent_capture
from captures.models import OffsiteCopy
from captures.recordings.clips.models import Clip, ClipQuerySet
from captures.storage.archives.models import ArchiveFolder
from captures.storage.offsite.states import CopyState
from captures.storage.trash.services import in_use
from core import database_clock
from core.broker import broker
from core.broker.queues import camera_queue, host_queues, key_prefix
from core.events.service import record_event
from core.jobs.context import JobContext, JobError
from core.jobs.services import enqueue
from core.text.sentences import pluralize
from skycam_project.hosts.host_list import cameras_of
from skycam_project.hosts.invitations import HostRefused

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


Files = Literal["keep", "forget"]


class CountBody(TypedDict):
    files: int
    bytes: int


class RetirementBody(TypedDict):
    """`forgotten` and `stay`: files whose rows are to be removed, and that keep them: pinned ones, and those of
    experiments and holds. `offsite`: files of which a destination has a verified copy."""

    host: str
    files: Files
    dry_run: bool
    captures: CountBody
    clips: CountBody
    offsite: CountBody
    archives: int
    forgotten: int
    stay: int
    job: str | None
    """The job that forgets the files; None when nothing is forgotten, and of a dry run."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """What retiring a host would do."""

    host: CameraHost
    files: Files

    def body(self, *, dry_run: bool) -> RetirementBody:
        name = self.host.name
        captures, clips = CaptureFile.objects.filter(host=name), Clip.objects.filter(host=name)
        forgotten = forgettable_files(name).count() + forgettable_clips(name).count() if self.files == "forget" else 0
        copies = OffsiteCopy.objects.filter(host=name, state=CopyState.VERIFIED)
        return RetirementBody(
            host=name, files=self.files, dry_run=dry_run, captures=_count(captures), clips=_count(clips),
            offsite=_count(copies), archives=ArchiveFolder.objects.filter(root__host=name).count(), forgotten=forgotten,
            stay=captures.count() + clips.count() - forgotten, job=None,
        )  # fmt: skip


def _count(rows: QuerySet[CaptureFile] | QuerySet[Clip] | QuerySet[OffsiteCopy]) -> CountBody:
    return CountBody(files=rows.count(), bytes=rows.aggregate(total=Sum("bytes"))["total"] or 0)


def retire_host(name: str, files: Files, actor: str, *, lost: bool = False, dry_run: bool = False) -> RetirementBody:
    """Retire it, or with `dry_run` only count. `lost`: the records in its spool are, so captures without an outcome
    have failed. A job forgets the files. A retired host may be retired again with `forget`, which starts one, or finds
    the one that has not ended. What waits in the host's queues is deleted.
    CameraHost.DoesNotExist, HostRefused, BrokerDown."""
    host = CameraHost.objects.get(pk=name)
    _check_may_retire(host, lost=lost)
    counted = Retirement(host, files).body(dry_run=dry_run)
    if dry_run:
        return counted
    _mark_retired(name, files, actor, lost=lost)
    _delete_queues(name)
    for capture in captures_without_outcome(name).values_list("pk", flat=True):
        with transaction.atomic():
            fail_unsent_capture(capture, "host_down", f"The host {name} was retired without its spool.")
    if files == "forget":
        counted["job"] = start_forgetting(name, actor)
    return counted


def captures_without_outcome(name: str) -> QuerySet[Capture]:
    """Their records may be in the host's spool."""
    return Capture.objects.filter(host=name, status=Capture.Status.PLANNED)


def _check_may_retire(host: CameraHost, *, lost: bool) -> None:
    name = host.name
    if host.leased_until is not None and host.leased_until > database_clock.read_now():
        raise HostRefused(f"The host {name} runs. Stop `skycam up` there first; its name is free 30 s later.")
    if cameras := cameras_of(name):
        commands = "; ".join(
            f"`skycam cameras set {one.slug} --host HOST --host-is-gone` or `skycam cameras remove {one.slug}`"
            for one in cameras
        )
        raise HostRefused(f"The host {name} has {pluralize(len(cameras), 'camera')}. Move or remove each: {commands}.")
    if read_heartbeats([name])[name] is not None:
        raise HostRefused(f"The host {name} still sends heartbeats. Stop `skycam up` there first.")
    waiting = captures_without_outcome(name).count()
    if waiting and not lost:
        raise HostRefused(
            f"Of {pluralize(waiting, 'capture')} of the host {name} no outcome is known: the records may be in its "
            "spool. Start it once, so that it delivers them; or say with --lost that its disk is lost."
        )


def _delete_queues(name: str) -> None:
    """Those of Celery never expire, and their messages contain tokens."""
    prefix = key_prefix(settings.STATION.station.id)
    with broker.reachable() as server:
        server.delete(broker.key(camera_queue(name)), *(f"{prefix}{queue}" for queue in host_queues(name)))


@transaction.atomic
def _mark_retired(name: str, files: Files, actor: str, *, lost: bool) -> None:
    host = CameraHost.objects.select_for_update().get(pk=name)
    # Again, in the transaction: it may have started, or someone else may have retired it meanwhile.
    _check_may_retire(host, lost=lost)
    if host.retired_at is not None and (host.retired_files == files or files == "keep"):
        return
    host.retired_at, host.retired_by, host.retired_files = host.retired_at or timezone.now(), actor, files
    host.save(update_fields=["retired_at", "retired_by", "retired_files"])
    fate = "stay listed" if files == "keep" else "are forgotten"
    message = f"{actor or 'Someone'} retired the host {name}. Its files {fate}."
    record_event("host.retired", message, camera=None, actor=actor, subject=name, severity="warning")
