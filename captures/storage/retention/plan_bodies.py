"""Plans of cleanups as the API answers them."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Annotated, Any

from pydantic import Field

from cameras.models import Camera
from captures.storage.retention.plan import CleanupPlan, PlanItem, SkippedItem
from core.resources.answers import body_of
from core.resources.fields import Fields
from core.resources.values import Column, Id
from core.times.timestamps import Stamp

FileClass = Annotated[str, Column("file_class"), Field(alias="class")]


class RuleSum(Fields):
    why: str
    class_: FileClass
    camera: str
    files: int
    bytes: int


class PlannedFile(Fields):
    table: str
    id: Annotated[str, Column("pk")]
    class_: FileClass
    camera: str
    root: Id
    path: str
    bytes: int
    why: str


class KeptFile(Fields):
    """A file that a rule selects, and what keeps it."""

    table: str
    id: Annotated[str, Column("pk")]
    camera: str
    path: str
    bytes: int
    why: str
    reason: str


class PlanSums(Fields):
    id: Id
    host: str
    made: Annotated[Stamp, Column("made_at")]
    expires: Annotated[Stamp, Column("expires_at")]
    digest: str
    files: int
    bytes: int
    conditions: dict[str, Any]
    problems: list[str]


class PlanBody(PlanSums):
    """Exactly what a cleanup deletes. `rules` has all files; `items` and `skipped` are the first 1000."""

    rules: list[RuleSum]
    items: list[PlannedFile]
    skipped: list[KeptFile]


MAX_LISTED = 1000


def plan_body(plan: CleanupPlan) -> dict[str, Any]:
    slugs = dict(Camera.objects.values_list("pk", "slug"))
    return {
        **body_of(PlanSums, plan),
        "rules": rule_sums(plan, slugs),
        "items": [file_body(PlannedFile, one, slugs) for one in plan.items[:MAX_LISTED]],
        "skipped": [file_body(KeptFile, one, slugs) for one in plan.skipped[:MAX_LISTED]],
    }


def file_body(model: type[Fields], file: PlanItem | SkippedItem, slugs: dict[Any, str]) -> dict[str, Any]:
    return body_of(model, SimpleNamespace(**{**file._asdict(), "camera": slugs[file.camera]}))


def rule_sums(plan: CleanupPlan, slugs: dict[Any, str]) -> list[dict[str, Any]]:
    """The planned files by rule, class and camera. `slugs`: camera -> its id."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for item in plan.items:
        amount = sums[item.why, item.file_class, slugs[item.camera]]
        amount[0] += 1
        amount[1] += item.bytes
    return [
        {"why": why, "class": name, "camera": camera, "files": files, "bytes": size}
        for (why, name, camera), (files, size) in sorted(sums.items())
    ]
