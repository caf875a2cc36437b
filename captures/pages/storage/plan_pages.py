"""Try the rules of retention, and execute the plan that this makes."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from captures.pages.storage.plan_display import PlanDisplay
from captures.storage.retention.jobs import enqueue_plan, job_of_plan
from captures.storage.retention.manager import StorageManager
from captures.storage.retention.models import StoredPlan
from captures.storage.retention.stored_plans import PlanRefused, load_plan
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.pages.page import Page
from core.pages.redirects import redirect_to


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
