"""Plans of cleanups are made: what the rules would delete, and what stays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from cameras.spool.storage import RootMissing
from captures.recordings.clips.deletion import open_root, undeletable_message
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.services import hold_reasons
from captures.roots.guards import any_of, guards
from captures.roots.models import StorageRoot
from captures.storage.retention.cleanup import watched_roots
from captures.storage.retention.clip_rules import (
    RetentionLimit,
    RoundRobin,
    age_limits,
    beyond_limit,
    clips_to_free,
    older_than,
)
from captures.storage.retention.clock_guard import ClockGuard, uses_age
from captures.storage.retention.execution import GB, RULES
from captures.storage.retention.plan import BY_CLOCK, CleanupPlan, PlanItem, SkippedItem, Why, frees_space
from core.station_settings import camera_config


def make_plan(host: str, tables: Sequence[str]) -> CleanupPlan:
    """What the rules delete from these tables now, if nothing changes meanwhile. DatabaseError."""
    return Planner(host, tables).plan()


class Planner:
    def __init__(self, host: str, tables: Sequence[str]) -> None:
        self.host, self.tables = host, tables
        self._items: dict[tuple[str, str], PlanItem] = {}
        self._free: dict[str, int] = {}
        self._problems: list[str] = []

    def plan(self) -> CleanupPlan:
        roots = [root for root in StorageRoot.objects.filter(host=self.host) if self._measure(root)]
        cameras = list(RoundRobin().cameras(math.inf))
        for (table, _), rule in RULES.items():
            if table in self.tables:
                self._add(rule.select(roots, cameras, None))
        doubt = self._drop_aged()
        watched = watched_roots(self.host)
        short = [root for root in roots if root in watched and self._missing_bytes(root) > 0]
        for root in short:
            self._add_space(root)
        kept = kept_clips(roots, short, cameras) if "clips" in self.tables else []
        skipped = tuple(one for one in kept if not (doubt and one.why in BY_CLOCK))
        return CleanupPlan(self.host, tuple(self._items.values()), self._conditions(), skipped, tuple(self._problems))

    def _measure(self, root: StorageRoot) -> bool:
        """Read the free space. False for a root from which nothing can be deleted."""
        try:
            with open_root(root) as files:
                self._free[str(root.pk)] = files.free_bytes()
                if not files.read_only():
                    return True
            self._problems.append(f"The disk of {root.path} is read-only. Check the disk.")
        except RootMissing as error:
            self._problems.append(str(error))
        except OSError as error:
            self._problems.append(undeletable_message(root, error))
        return False

    def _add(self, items: Any) -> None:
        for item in items:
            self._items.setdefault((item.table, item.pk), item)

    def _drop_aged(self) -> str:
        """While the clock is not trusted, nothing is planned for its age. Returns why; after the selection, as the
        clock may be set in between."""
        if not uses_age(self.tables) or not (doubt := ClockGuard(self.host).doubt()):
            return ""
        self._problems.append(doubt)
        self._items = {key: item for key, item in self._items.items() if item.why not in BY_CLOCK}
        return doubt

    def _missing_bytes(self, root: StorageRoot) -> int:
        return int(camera_config().soft_floor_gb * GB) - self._free[str(root.pk)]

    def _add_space(self, root: StorageRoot) -> None:
        # Files that go in any case free their space first.
        freed = sum(item.bytes for item in self._items.values() if item.root == root.pk and frees_space(item))
        missing = self._missing_bytes(root) - freed
        known = {pk for table, pk in self._items if table == "clips"}
        self._add(clips_to_free(root, missing, known))

    def _conditions(self) -> dict[str, Any]:
        """What the plan relied on."""
        config = camera_config()
        return {
            "rolling_clips_count": config.rolling_clips_count,
            "soft_floor_gb": config.soft_floor_gb,
            "days": {str(kind): days for kind, days in age_limits().items()},
            "free_bytes": dict(self._free),
        }


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
