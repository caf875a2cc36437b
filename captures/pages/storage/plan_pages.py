"""Pages of plans of cleanups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from cameras.models import Camera
from captures.capturing.models import CaptureFile
from captures.pages.storage.display import CLASS_LABELS, WHY_LABELS
from captures.storage.retention.jobs import enqueue_plan, job_of_plan
from captures.storage.retention.manager import PlanRefused, StorageManager, load_plan
from captures.storage.retention.models import StoredPlan
from captures.storage.retention.plan import CleanupPlan, Why, rule_sums
from core import database_clock
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.pages import Page, redirect_to
from core.text.sentences import pluralize

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


class TryRulesPage(Page):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a plan of what the rules delete on this host now, and show it. Nothing is deleted."""
        plan = StorageManager(settings.STATION.host, self.actor).plan()
        return redirect_to(request, reverse("cleanup-plan", args=[plan.id]))


class PlanPage(Page):
    """What would go and what stays. POST executes exactly this plan."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "storage/plan.html"

    def get(self, request: HttpRequest, plan: UUID) -> HttpResponse:
        return self._plan_page(found_plan(plan))

    def post(self, request: HttpRequest, plan: UUID) -> HttpResponse:
        display = found_plan(plan)
        if display.job is not None:
            return self._begun_by(display.job)
        if not display.files:
            return self._plan_page(display, "There is nothing to delete.")
        if request.POST.get("confirmation", "").replace(",", "").strip() != str(display.files):
            return self._plan_page(display, f"Type the number of files to confirm: {display.files}.")
        try:
            job = enqueue_plan(plan, self.actor)
        except PlanRefused as error:
            return self._plan_page(display, str(error), 409)
        # Of two requests at the same moment, both get the job of the first.
        if job.requested_by != self.actor:
            return self._begun_by(job)
        messages.success(request, f"Begun: {display.deed.lower()}. Each file is checked again.")
        return redirect_to(request, reverse("cleanup-plan", args=[plan]))

    def _begun_by(self, job: Job) -> HttpResponse:
        by = job.requested_by or "the station"
        messages.warning(self.request, f"{by} has begun this plan already. A plan is executed once.")
        return redirect_to(self.request, self.request.path)

    def _plan_page(self, display: PlanDisplay, refusal: str = "", status: int = 0) -> HttpResponse:
        now = reverse("cleanup-plan-now", args=[display.plan.id]) if display.is_running else reverse("now")
        context = {"display": display, "plan": display.plan, "job": display.job, "refusal": refusal, "now": now}
        return self.render(context, status=status or (400 if refusal else 200))


class PlanNow(Page):
    """The progress of the execution; once it has ended, the whole page is loaded."""

    roles = {"GET": "manager"}
    template = "storage/_plan_now.html"

    def get(self, request: HttpRequest, plan: UUID) -> HttpResponse:
        return job_progress(self, job_of_plan(plan))


def found_plan(plan: UUID) -> PlanDisplay:
    """Http404 for a plan that is unknown or was removed."""
    stored = StoredPlan.objects.filter(pk=plan).first()
    if stored is None:
        raise Http404("There is no such plan. Plans are kept for a day.")
    try:
        return PlanDisplay(load_plan(plan), stored, job_of_plan(plan))
    except PlanRefused as error:
        raise Http404(str(error)) from None


def job_progress(page: Page, job: Job | None) -> HttpResponse:
    if job is None or job.state in {state.value for state in FINISHED}:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return page.render({"job": job})
