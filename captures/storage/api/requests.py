"""Query parameters and bodies of requests about the storage."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, field_validator, model_validator

from cameras.camera_filter import Slug
from captures.roots.models import StorageRoot
from captures.storage.integrity.models import FindingKind, FindingState
from core.api.queries import PageQuery, Query
from core.resources.fields import Fields
from core.text.names import Line


class UsageQuery(Query):
    days: Annotated[int, Field(ge=1, le=400, description="How many days, up to today (UTC).")] = 30


class CleanupBody(Fields):
    dry_run: Annotated[StrictBool, Field(description="true: make a plan and delete nothing.")] = True
    plan: Annotated[UUID | None, Field(description="With dry_run false: the plan to execute.")] = None

    @model_validator(mode="after")
    def names_a_plan_to_execute(self) -> Self:
        if self.dry_run and self.plan is not None:
            raise ValueError("`plan` is for `dry_run: false`. Without it a new plan is made.")
        if not self.dry_run and self.plan is None:
            raise ValueError("`dry_run: false` needs `plan`, the id of a plan. Make one with `dry_run: true`.")
        return self


class FindingQuery(PageQuery):
    host: Annotated[Line, Field(max_length=60)] | None = None
    kind: FindingKind | None = None
    state: FindingState | None = FindingState.OPEN


class CheckBody(Fields):
    hash: Annotated[StrictBool, Field(description="Read the content of all files, which can take hours.")] = False
    host: Annotated[str | None, Field(max_length=60, description="This host by default.")] = None

    @field_validator("host")
    @classmethod
    def is_a_host_with_storage(cls, host: str | None) -> str | None:
        if host is not None and ("\0" in host or not StorageRoot.objects.filter(host=host).exists()):
            raise ValueError("No host of that name has a storage root.")
        return host


class AdoptBody(Fields):
    camera: Annotated[Slug | None, Field(description="The camera of the file; by default its folder's.")] = None
