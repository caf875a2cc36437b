"""Plans that wait to be executed, and `StorageManager`, by which programs make and execute them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from captures.roots.models import StorageRoot
from captures.storage.retention.execution import GB, PlanExecutor
from captures.storage.retention.models import StoredPlan
from captures.storage.retention.plan import EXPIRES_AFTER, CleanupPlan, SkippedItem, Why, decode_items
from captures.storage.retention.planning import make_plan
from captures.storage.retention.results import CleanupResult
from captures.storage.usage.bodies import Forecast, RootUsageBody, forecast_of, root_bodies
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
