"""Plans of cleanups: what the rules would delete, and what stays; the plans that wait to be executed; and
`StorageManager`, by which programs make and execute them."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from cameras.spool.storage import RootMissing
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.services import hold_reasons, open_root, undeletable_message
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
from captures.storage.retention.execution import GB, RULES, PlanExecutor
from captures.storage.retention.models import StoredPlan
from captures.storage.retention.plan import (
    BY_CLOCK,
    EXPIRES_AFTER,
    CleanupPlan,
    PlanItem,
    SkippedItem,
    Why,
    decode_items,
    frees_space,
)
from captures.storage.retention.results import CleanupResult
from captures.storage.usage.measurements import Forecast, RootUsageBody, forecast_of, root_bodies
from captures.tables import any_of, guards
from core import database_clock
from core.station_settings import camera_config

TABLES = ("clips", "captures", "archives")
"""The tables whose files a rule may delete."""


class StorageManager:
    """The storage of `host`. `actor` is the person who requests something."""

    def __init__(self, host: str, actor: str = "") -> None:
        self.host, self.actor = host, actor

    def plan(self) -> CleanupPlan:
        """Exactly what would be deleted now, and why. It can be executed once within 10 minutes. Deletes nothing."""
        plan = make_plan(self.host, TABLES)
        store_plan(plan, self.actor)
        return plan

    def claimed_plan(self, plan: UUID, job: str) -> CleanupPlan:
        """The plan, which from now on only `job` may execute. PlanRefused."""
        claim_plan(plan, job)
        return load_plan(plan)

    def execute(
        self,
        plan: CleanupPlan,
        result: CleanupResult | None = None,
        should_continue: Callable[[], bool] = lambda: True,
    ) -> CleanupResult:
        """Delete the files of the plan that its rules still select, and no others. DatabaseError."""
        result = result or CleanupResult()
        executor = PlanExecutor(self.host, self.actor, should_continue=should_continue)
        for problem in executor.execute(plan, result).values():
            result.add(problem.sentence)
        return result

    def usage(self, user: Any) -> list[RootUsageBody]:
        """The roots of all hosts with their usage, free space and forecast, as `user` may see them."""
        return root_bodies(user)

    def forecast(self, root: StorageRoot) -> Forecast:
        """How long the free space of a root lasts."""
        return forecast_of(root, int(camera_config().soft_floor_gb * GB))


BATCH = 20
MINUTES = int(EXPIRES_AFTER.total_seconds() // 60)


class PlanRefused(Exception):
    """The plan is unknown, has expired or is executed already. Nothing was deleted."""


def store_plan(plan: CleanupPlan, actor: str) -> None:
    StoredPlan.objects.create(
        id=plan.id, host=plan.host, made_at=plan.made_at, expires_at=plan.expires_at, made_by=actor,
        digest=plan.digest, conditions=plan.conditions, problems=list(plan.problems),
        skipped=[[*one[:2], str(one.camera), *one[3:]] for one in plan.skipped],
        # Level 1: a plan of 200,000 files is compressed in a fraction of a second.
        items=zlib.compress(plan.encoded, 1),
    )  # fmt: skip


def claim_plan(plan: UUID, job: str) -> None:
    """Let `job` execute the plan, and no other. Idempotent. PlanRefused."""
    if _claimable(plan).update(job=job) or StoredPlan.objects.filter(pk=plan, job=job).exists():
        return
    check_claimable(plan)


def check_claimable(plan: UUID) -> StoredPlan:
    """PlanRefused when the plan cannot be executed any more."""
    if (found := _claimable(plan).first()) is not None:
        return found
    stored = StoredPlan.objects.filter(pk=plan).first()
    if stored is None:
        raise PlanRefused(f"There is no plan {plan}. Make a new one: a plan is valid for {MINUTES} minutes.")
    if stored.job:
        raise PlanRefused(f"The plan {plan} was executed already. Make a new one.")
    raise PlanRefused(f"The plan {plan} has expired: it is valid for {MINUTES} minutes. Make a new one.")


def _claimable(plan: UUID) -> QuerySet[StoredPlan]:
    now = database_clock.estimate()
    # With the begin, too: after the clock was set back, an old plan would be valid for longer.
    return StoredPlan.objects.filter(pk=plan, job="", expires_at__gt=now, made_at__lte=now)


def load_plan(plan: UUID) -> CleanupPlan:
    """PlanRefused when it is unknown, or its files are not those of its digest."""
    found = StoredPlan.objects.filter(pk=plan).first()
    if found is None:
        raise PlanRefused(f"There is no plan {plan}. Make a new one.")
    content = zlib.decompress(bytes(found.items))
    if hashlib.sha256(content).hexdigest() != found.digest:
        raise PlanRefused(f"The plan {plan} was changed after it was made. Make a new one.")
    items = decode_items(content)
    skipped = tuple(
        SkippedItem(table, pk, UUID(camera), path, size, Why(why), reason)
        for table, pk, camera, path, size, why, reason in found.skipped
    )
    return CleanupPlan(
        found.host, items, found.conditions, skipped, tuple(found.problems), id=found.id, made_at=found.made_at
    )


def remove_plans() -> int:
    """Remove a batch of expired plans, with those that were executed. Returns the number of rows."""
    # A day later: the job of a plan that was claimed in time may still run.
    before = database_clock.estimate() - 144 * EXPIRES_AFTER
    old = StoredPlan.objects.filter(expires_at__lt=before).values_list("pk", flat=True)[:BATCH]
    return StoredPlan.objects.filter(pk__in=list(old)).delete()[0]


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
