"""Plans of cleanups as JSON."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from cameras.models import Camera
from captures.storage.retention.answers import KeptFile, PlannedFile, PlanSums
from captures.storage.retention.plan import CleanupPlan, PlanItem, SkippedItem
from core.resources.answers import body_of
from core.resources.fields import Fields

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
