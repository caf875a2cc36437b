"""Query parameters and bodies of requests about the storage."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, model_validator

from core.api.model import StrictModel
from core.api.paging import Query


class UsageQuery(Query):
    days: Annotated[int, Field(ge=1, le=400, description="How many days, up to today (UTC).")] = 30


class CleanupBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: Annotated[StrictBool, Field(description="true: make a plan and delete nothing.")] = True
    plan: Annotated[UUID | None, Field(description="With dry_run false: the plan to execute.")] = None

    @model_validator(mode="after")
    def names_a_plan_to_execute(self) -> Self:
        if self.dry_run and self.plan is not None:
            raise ValueError("`plan` is for `dry_run: false`. Without it a new plan is made.")
        if not self.dry_run and self.plan is None:
            raise ValueError("`dry_run: false` needs `plan`, the id of a plan. Make one with `dry_run: true`.")
        return self
