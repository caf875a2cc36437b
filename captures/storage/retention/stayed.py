"""Files of an executed plan that are still there, and why: each was checked again when its mark was to be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from django.db.models import Q, QuerySet

from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import hold_reasons
from captures.roots.guards import guards
from captures.roots.models import Kept
from captures.storage.archives.models import ArchiveFile
from captures.storage.retention.clip_rules import chunks
from captures.storage.retention.plan import CleanupPlan, PlanItem, Why
from captures.storage.trash.purge import capture_guards

MAX_LISTED = 100
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
            if table == "clips" and len(found.first) == MAX_LISTED:
                found.number += Clip.objects.filter(pk__in=[item.pk for item in items]).count()
                continue
            for item, reason in find(items):
                if item.why == Why.AGE and reason == IN_TRASH:
                    found.trashed += 1
                    continue
                found.number += 1
                if len(found.first) < MAX_LISTED:
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
