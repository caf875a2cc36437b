"""`StorageManager`: what may be deleted on a host, and its deletion. The one engine of retention, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from captures.roots.models import StorageRoot
from captures.storage.retention.execution import GB, PlanExecutor
from captures.storage.retention.plan import CleanupPlan
from captures.storage.retention.planning import make_plan
from captures.storage.retention.results import CleanupResult
from captures.storage.retention.stored_plans import claim_plan, load_plan, store_plan
from captures.storage.usage.answers import RootUsageBody
from captures.storage.usage.bodies import root_bodies
from captures.storage.usage.forecast import Forecast, forecast_of
from core.station_settings.values import camera_config

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
