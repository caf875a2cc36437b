"""The jobs that clean up and execute plans, and the files of an executed plan that are still there: each was checked
again when its mark was to be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import hold_reasons
from captures.roots.models import Kept
from captures.storage.archives.models import ArchiveFile
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.clip_rules import chunks
from captures.storage.retention.manager import PlanRefused, StorageManager, check_claimable
from captures.storage.retention.plan import CleanupPlan, PlanItem, Why
from captures.storage.retention.results import CleanupResult
from captures.storage.trash.services import capture_guards
from captures.tables import guards
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.resources.fields import Fields
from core.resources.resource import body_of
from core.resources.values import Column, Id
from core.text.sentences import pluralize
from core.times.timestamps import Stamp


class DeletedBody(Fields):
    """A clip that was deleted, or would be. `why` is count, age, space or asked; `age_s` counts from the clip's end."""

    camera: Annotated[str, Column("clip.camera.slug")]
    clip: Annotated[Id, Column("clip.pk")]
    filename: Annotated[str, Column("clip.filename")]
    started: Annotated[Stamp, Column("clip.started_at")]
    age_s: float
    bytes: Annotated[int, Column("clip.bytes")]
    why: str


MAX_LISTED = 5000
"""Deleted clips in the result. All are counted, and all are in events."""


class CleanupReport(TypedDict):
    bytes: int
    clips: int
    problems: list[str]
    results: list[dict[str, Any]]
    """See `DeletedBody`."""


def clean_up_clips(context: JobContext) -> dict[str, Any]:
    """Run passes until one deletes nothing, as each pass covers a part. After a kill the next attempt goes on with what
    is left; the result then lists what that attempt deleted, and all of it when the attempt before was asked to stop.
    Captures are left to the periodic passes."""
    cleanup = ClipCleanup(
        settings.STATION.host, context.actor, should_continue=lambda: not context.should_stop(), tables=("clips",)
    )
    report = CleanupReport(bytes=0, clips=0, problems=[], results=[])
    report.update((context.checkpoint or {}).get("report", {}))
    while not context.should_stop():
        result = cleanup.run()
        report["problems"] = result.problems
        if not result.deleted:
            break
        report["clips"] += len(result.deleted)
        report["bytes"] += sum(one.clip.bytes for one in result.deleted)
        room = MAX_LISTED - len(report["results"])
        report["results"] += [body_of(DeletedBody, one) for one in result.deleted[:room]]
        context.progress(report["clips"], None, f"{pluralize(report['clips'], 'clip')} deleted")
    if context.was_asked_to_stop:
        sentence = f"{pluralize(report['clips'], 'clip')} deleted"
        context.progress(report["clips"], None, sentence, always=True, report=report)
    return dict(report)


class ExecutedPlan(TypedDict):
    """`planned` files, those of them that were `deleted`, that are in the trash now (`trashed`) and that `stayed`, with
    the first of these."""

    plan: str
    planned: int
    deleted: int
    trashed: int
    stayed: int
    bytes: int
    problems: list[str]
    stayed_files: list[StayedFile]


def execute_plan(context: JobContext) -> dict[str, Any]:
    """Argument: `plan`. After a kill the next attempt continues: what is deleted already is selected by no rule."""
    manager = StorageManager(settings.STATION.host, context.actor)
    try:
        plan = manager.claimed_plan(UUID(context.arguments["plan"]), context.id)
    except PlanRefused as error:
        raise JobError(str(error), permanent=True) from error
    counted, before = CleanupResult(), context.checkpoint or {"deleted": 0, "bytes": 0}

    def report(total: int, *, always: bool = False) -> None:
        deleted, size = before["deleted"] + counted.files, before["bytes"] + counted.bytes
        sentence = f"{pluralize(deleted, 'file')} deleted"
        context.progress(deleted, total, sentence, always=always, deleted=deleted, bytes=size)

    def may_continue() -> bool:
        report(len(plan.items))
        return not context.should_stop()

    manager.execute(plan, counted, may_continue)
    # Files that others deleted or kept meanwhile are not in it: the last report says how many this job deleted.
    deleted = before["deleted"] + counted.files
    report(len(plan.items) if context.was_asked_to_stop else deleted, always=True)
    stayed = stayed_files(plan)
    done = ExecutedPlan(
        plan=str(plan.id),
        planned=len(plan.items),
        deleted=deleted,
        trashed=stayed.trashed,
        stayed=stayed.number,
        bytes=before["bytes"] + counted.bytes,
        problems=counted.problems,
        stayed_files=stayed.first,
    )
    return dict(done)


def job_of_plan(plan: UUID) -> Job | None:
    """The newest job that executes, or has executed, the plan."""
    return Job.objects.filter(kind="storage_cleanup", subject=str(plan)).first()


def enqueue_plan(plan: UUID, actor: str) -> Job:
    """The job that executes the plan on its host. A second request for the same plan gets the same job. PlanRefused."""
    found = check_claimable(plan)
    job, _ = enqueue(
        "storage_cleanup", found.host, camera=None, subject=str(plan), arguments={"plan": str(plan)}, actor=actor
    )
    return job


MAX_STAYED_LISTED = 100
BATCH = 500
BEGUN = "its deletion has begun, and the disk has not done it yet"
NOT_SELECTED = "its rule does not select it any more"


class StayedFile(TypedDict):
    """A planned file that is still there."""

    table: str
    id: str
    path: str
    bytes: int
    reason: str


@dataclass(slots=True)
class StayedFiles:
    """How many planned files stayed, the first of them, and how many files are in the trash now."""

    number: int = 0
    first: list[StayedFile] = field(default_factory=list)
    trashed: int = 0


def stayed_files(plan: CleanupPlan) -> StayedFiles:
    """DatabaseError."""
    found = StayedFiles()
    for table, find in FINDERS.items():
        for items in chunks((item for item in plan.items if item.table == table), BATCH):
            # Reasons take much longer than to count, and the first ones are enough.
            if table == "clips" and len(found.first) == MAX_STAYED_LISTED:
                found.number += Clip.objects.filter(pk__in=[item.pk for item in items]).count()
                continue
            for item, reason in find(items):
                if item.why == Why.AGE and reason == IN_TRASH:
                    found.trashed += 1
                    continue
                found.number += 1
                if len(found.first) < MAX_STAYED_LISTED:
                    found.first.append(
                        StayedFile(table=table, id=item.pk, path=item.path, bytes=item.bytes, reason=reason)
                    )
    return found


IN_TRASH = "it is in the trash"


def _clips(items: Sequence[PlanItem]) -> Iterator[tuple[PlanItem, str]]:
    by_key = {item.pk: item for item in items}
    for clip, guarded in _guarded(Clip.objects.filter(pk__in=list(by_key)).prefetch_related("holds"), guards("clips")):
        reasons = hold_reasons(clip, list(clip.holds.all())) + guarded
        yield by_key[str(clip.pk)], BEGUN if clip.deleted_at else _sentence(reasons)


def _captures(items: Sequence[PlanItem]) -> Iterator[tuple[PlanItem, str]]:
    by_key = {item.pk: item for item in items}
    files = CaptureFile.objects.filter(pk__in=list(by_key)).select_related("capture")
    for file, guarded in _guarded(files, capture_guards("capture")):
        item = by_key[str(file.pk)]
        if item.why == Why.OFFSITE and file.is_offsite:
            continue
        if file.capture.purged_at:
            yield item, BEGUN
        elif item.why == Why.AGE and file.capture.trashed_at:
            yield item, IN_TRASH
        else:
            yield item, _sentence([*(["a pin"] if file.capture.pinned else []), *guarded])


def _guarded(rows: QuerySet[Any], guards: dict[str, Q]) -> Iterator[tuple[Any, list[str]]]:
    """Each row with the guards that keep it, in words."""
    conditions: dict[str, Any] = {f"kept_{number}": condition for number, condition in enumerate(guards.values())}
    reasons = dict(zip(conditions, guards, strict=True))
    for row in rows.annotate(**conditions):
        yield row, [reason for name, reason in reasons.items() if getattr(row, name)]


def _sentence(reasons: list[str]) -> str:
    return f"kept by {', '.join(reasons)}" if reasons else NOT_SELECTED


def _archives(items: Sequence[PlanItem]) -> Iterator[tuple[PlanItem, str]]:
    by_key = {item.pk: item for item in items}
    for file in ArchiveFile.objects.filter(pk__in=list(by_key), kept=Kept.HERE.value):
        yield by_key[str(file.pk)], NOT_SELECTED


FINDERS = {"clips": _clips, "captures": _captures, "archives": _archives}
"""Table -> function from planned files to those that are still there, with the reason."""
