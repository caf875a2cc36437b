"""Plans of cleanups as JSON."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypedDict

from cameras.models import Camera
from captures.retention.plan import CleanupPlan
from core.times.timestamps import stamp

MAX_LISTED = 1000

RuleSum = TypedDict("RuleSum", {"why": str, "class": str, "camera": str, "files": int, "bytes": int})
PlannedFile = TypedDict(
    "PlannedFile",
    {"table": str, "id": str, "class": str, "camera": str, "root": str, "path": str, "bytes": int, "why": str},
)


class KeptFile(TypedDict):
    """A file that a rule selects, and what keeps it."""

    table: str
    id: str
    camera: str
    path: str
    bytes: int
    why: str
    reason: str


class PlanBody(TypedDict):
    """Exactly what a cleanup deletes. `rules` has all files; `items` and `skipped` are the first 1000."""

    id: str
    host: str
    made: str
    expires: str
    digest: str
    files: int
    bytes: int
    rules: list[RuleSum]
    items: list[PlannedFile]
    skipped: list[KeptFile]
    conditions: dict[str, Any]
    problems: list[str]


def plan_body(plan: CleanupPlan) -> PlanBody:
    slugs = dict(Camera.objects.values_list("pk", "slug"))
    return PlanBody(
        id=str(plan.id),
        host=plan.host,
        made=stamp(plan.made_at),
        expires=stamp(plan.expires_at),
        digest=plan.digest,
        files=len(plan.items),
        bytes=plan.bytes,
        rules=rule_sums(plan, slugs),
        items=[
            {"table": item.table, "id": item.pk, "class": item.file_class, "camera": slugs[item.camera],
             "root": str(item.root), "path": item.path, "bytes": item.bytes, "why": item.why}
            for item in plan.items[:MAX_LISTED]
        ],
        skipped=[
            {"table": one.table, "id": one.pk, "camera": slugs[one.camera], "path": one.path, "bytes": one.bytes,
             "why": one.why, "reason": one.reason}
            for one in plan.skipped[:MAX_LISTED]
        ],
        conditions=plan.conditions,
        problems=list(plan.problems),
    )  # fmt: skip


def rule_sums(plan: CleanupPlan, slugs: dict[Any, str]) -> list[RuleSum]:
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
