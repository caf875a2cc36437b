"""A plan of a cleanup as its page shows it: what would go, what stays and why, and what its execution did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.urls import reverse

from cameras.models import Camera
from captures.capturing.models import CaptureFile
from captures.pages.storage.labels import CLASS_LABELS, WHY_LABELS
from captures.storage.retention.models import StoredPlan
from captures.storage.retention.plan import CleanupPlan, Why
from captures.storage.retention.plan_bodies import rule_sums
from core import database_clock
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.text.plurals import pluralize

FIRST = 20


class FileRow(NamedTuple):
    """A file of the plan. `link` is empty for one without a page."""

    camera: str
    path: str
    bytes: int
    why: str
    link: str


class SumRow(NamedTuple):
    why: str
    label: str
    camera: str
    files: int
    bytes: int


@dataclass(frozen=True)
class PlanDisplay:
    plan: CleanupPlan
    stored: StoredPlan
    job: Job | None

    @property
    def files(self) -> int:
        return len(self.plan.items)

    @cached_property
    def trashed(self) -> int:
        """Files of captures that are moved to the trash: nothing is deleted."""
        return sum(item.table == "captures" and item.why == Why.AGE for item in self.plan.items)

    @property
    def deed(self) -> str:
        """What the button does: `Delete 12 files`."""
        deleted = self.files - self.trashed
        parts = [f"delete {pluralize(deleted, 'file')}"] if deleted else []
        parts += [f"move {pluralize(self.trashed, 'file')} to the trash"] if self.trashed else []
        return " and ".join(parts).capitalize()

    @property
    def has_expired(self) -> bool:
        return self.job is None and database_clock.estimate() >= self.stored.expires_at

    @property
    def is_executed(self) -> bool:
        return self.job is not None and self.job.state in {state.value for state in FINISHED}

    @property
    def is_running(self) -> bool:
        return self.job is not None and not self.is_executed

    @property
    def sums(self) -> list[SumRow]:
        return [
            SumRow(WHY_LABELS[one["why"]], CLASS_LABELS[one["class"]], self._names.get(one["camera"], one["camera"]),
                   one["files"], one["bytes"])
            for one in rule_sums(self.plan, self._slugs)
        ]  # fmt: skip

    @property
    def first(self) -> list[FileRow]:
        items = self.plan.items[:FIRST]
        links = file_links((item.table, item.pk) for item in items)
        return [
            FileRow(self._camera(item.camera), item.path, item.bytes, WHY_LABELS[item.why], links[item.table, item.pk])
            for item in items
        ]

    @property
    def more(self) -> int:
        return max(0, self.files - FIRST)

    @property
    def kept(self) -> list[FileRow]:
        """The first files that a rule selects and something keeps."""
        skipped = self.plan.skipped[:FIRST]
        links = file_links((one.table, one.pk) for one in skipped)
        return [
            FileRow(self._camera(one.camera), one.path, one.bytes, one.reason, links[one.table, one.pk])
            for one in skipped
        ]

    @property
    def more_kept(self) -> int:
        return max(0, len(self.plan.skipped) - FIRST)

    @property
    def result(self) -> dict[str, Any]:
        """Of its execution; empty before that."""
        return self.job.result or {} if self.job else {}

    @property
    def stayed(self) -> list[FileRow]:
        found = self.result.get("stayed_files", [])[:FIRST]
        links = file_links((one["table"], one["id"]) for one in found)
        return [FileRow("", one["path"], one["bytes"], one["reason"], links[one["table"], one["id"]]) for one in found]

    @property
    def gone(self) -> int:
        """Planned files that were gone before the execution came to them."""
        counted = (self.result.get(name, 0) for name in ("deleted", "trashed", "stayed"))
        return max(0, self.files - sum(counted)) if self.result else 0

    @cached_property
    def _cameras(self) -> list[tuple[Any, str, str]]:
        return list(Camera.objects.values_list("pk", "slug", "name"))

    @cached_property
    def _slugs(self) -> dict[Any, str]:
        return {pk: slug for pk, slug, _ in self._cameras}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {slug: name for _, slug, name in self._cameras}

    def _camera(self, pk: Any) -> str:
        return self._names.get(self._slugs.get(pk, ""), "")


def file_links(rows: Any) -> dict[tuple[str, str], str]:
    """Table and key -> the address of its page. One query for all."""
    wanted = list(rows)
    files = [int(pk) for table, pk in wanted if table == "captures"]
    captures = dict(CaptureFile.objects.filter(pk__in=files).values_list("pk", "capture")) if files else {}
    found = {}
    for table, pk in wanted:
        if table == "clips":
            found[table, pk] = reverse("clip", args=[pk])
        else:
            capture = captures.get(int(pk)) if table == "captures" else None
            found[table, pk] = reverse("picture", args=[capture]) if capture else ""
    return found
