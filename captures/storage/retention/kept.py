"""Why clips stay that a rule of retention selects: pins, holds and guards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.services import hold_reasons
from captures.roots.guards import any_of, guards
from captures.roots.models import StorageRoot
from captures.storage.retention.clip_rules import age_limits
from captures.storage.retention.plan import SkippedItem, Why
from captures.storage.retention.policy import RetentionLimit, beyond_limit, older_than

MAX_LISTED = 1000


def kept_clips(roots: list[StorageRoot], short: list[StorageRoot], cameras: list[UUID]) -> list[SkippedItem]:
    """The first clips that the rules of count, age and space select in these roots and that are kept. `short`: roots
    without enough free space."""
    found = list[SkippedItem]()
    for why, selected in _selected(short, cameras):
        clips = Clip.objects.present().filter(selected, root__in=roots)
        found += _kept(clips, why, MAX_LISTED - len(found))
    return found


def _selected(short: list[StorageRoot], cameras: list[UUID]) -> Iterator[tuple[Why, Q]]:
    limit = RetentionLimit.by_config()
    for camera in cameras:
        yield Why.COUNT, Q(camera=camera, kind=ClipKind.ROLLING) & beyond_limit(camera, limit)
    for kind, days in age_limits().items():
        if days:
            yield Why.AGE, older_than(kind, days)
    if short:
        yield Why.SPACE, Q(root__in=short, kind=ClipKind.ROLLING)


def _kept(clips: QuerySet[Clip], why: Why, most: int) -> Iterator[SkippedItem]:
    conditions: dict[str, Any] = {f"kept_{number}": one for number, one in enumerate(guards("clips").values())}
    kept = Q(pinned=True) | Q(holds__isnull=False) | any_of(conditions)
    found = clips.annotate(**conditions).filter(kept).distinct().order_by("started_at", "pk")
    for clip in found.prefetch_related("holds")[: max(0, most)]:
        reasons = hold_reasons(clip, list(clip.holds.all()))
        reasons += [reason for name, reason in zip(conditions, guards("clips"), strict=True) if getattr(clip, name)]
        yield SkippedItem(
            "clips", str(clip.pk), clip.camera_id, clip.path, clip.bytes, why, f"kept by {', '.join(reasons)}"
        )
