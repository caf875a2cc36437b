"""The Django admin of a station: it shows the archive to managers, and changes it only through services. Its page
Clean up shows a plan of what the rules of retention delete on this host, and starts it as a job."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse

from cameras.models import Camera
from captures.capturing.models import Capture
from captures.experiments.models import Experiment
from captures.recordings.clips.models import Clip
from captures.roots.models import StorageRoot
from captures.sessions.models import Session
from captures.storage.archives.models import Archive
from captures.storage.retention.jobs import enqueue_plan
from captures.storage.retention.manager import MINUTES, PlanRefused, StorageManager, check_claimable, load_plan
from captures.storage.retention.plan import CleanupPlan, plan_body
from core.events.models import Event
from core.events.service import record_event
from core.jobs.models import Job
from core.text.sentences import pluralize
from skycam_project.admin.models.captures import CaptureAdmin, ClipAdmin
from skycam_project.admin.models.experiments import ArchiveAdmin, ExperimentAdmin, SessionAdmin
from skycam_project.admin.models.station import CameraAdmin, JobAdmin, StorageRootAdmin

FIRST = 20
KIND = "storage_cleanup"
METHODS = ["GET", "HEAD", "POST"]


class NotConfirmed(Exception):
    """The message says what the confirmation lacks."""


def show_cleanup(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET: what it is. POST: a new plan, or the execution of the plan that the form confirms."""
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    if request.method != "POST":
        return _page(request, context)
    actor = request.user.get_username()
    if "plan" not in request.POST:
        return _page(request, context, _new_plan(actor))
    try:
        plan = confirmed_plan(request.POST)
        start_cleanup(plan, actor)
    except (NotConfirmed, PlanRefused) as error:
        # With a new plan: what is deleted may have changed.
        return _page(request, context, _new_plan(actor), str(error))
    messages.success(request, "The cleanup has begun. This page shows how far it is, and you can cancel it.")
    return HttpResponseRedirect(f"{reverse('jobs')}?kind={KIND}")


def confirmed_plan(given: Any) -> CleanupPlan:
    """The stored plan that the form names and confirms with the number of its files. NotConfirmed, PlanRefused."""
    try:
        ident = UUID(given["plan"])
    except ValueError:
        raise NotConfirmed("This is no plan. This page has a new one.") from None
    check_claimable(ident)
    plan = load_plan(ident)
    typed = given.get("confirmation", "").replace(",", "").strip()
    if typed != str(len(plan.items)):
        raise NotConfirmed("The number did not match the plan. This is a new plan: type the number of its files.")
    if not plan.items:
        raise NotConfirmed("There is nothing to do.")
    return plan


@transaction.atomic
def start_cleanup(plan: CleanupPlan, actor: str) -> None:
    """With its event in one transaction. Nothing when the same person has begun it already. PlanRefused."""
    job = enqueue_plan(plan.id, actor)
    if job.requested_by != actor:
        raise PlanRefused(f"{job.requested_by or 'The station'} has begun this plan already. This page has a new one.")
    if Event.objects.filter(kind="files.action", subject=str(job.pk)).exists():
        return
    record_event(
        "files.action", f"{actor} began: Clean up {pluralize(len(plan.items), 'file')}.", camera=None, subject=job.pk,
        actor=actor,
        data={"action": "cleanup", "model": "", "rows": len(plan.items), "bytes": plan.bytes, "host": plan.host,
              "reason": "", "filter": ""},
    )  # fmt: skip


def _new_plan(actor: str) -> dict[str, Any]:
    return plan_body(StorageManager(settings.STATION.host, actor).plan())


def _page(
    request: HttpRequest, context: dict[str, Any], plan: dict[str, Any] | None = None, refusal: str = ""
) -> HttpResponse:
    values = {
        **context, "title": "Clean up", "plan": plan, "refusal": refusal, "host": settings.STATION.host,
        "minutes": MINUTES, **(_lists(plan) if plan else {}),
    }  # fmt: skip
    return TemplateResponse(request, "admin/cleanup.html", values, status=400 if refusal else 200)


def _lists(plan: dict[str, Any]) -> dict[str, Any]:
    more = plan["files"] - FIRST
    return {
        "what": pluralize(plan["files"], "file"),
        "first": plan["items"][:FIRST],
        "more": f"{more:,}" if more > 0 else "",
        "kept": sorted(Counter(one["reason"] for one in plan["skipped"]).items()),
        "first_kept": plan["skipped"][:FIRST],
    }


MODELS = {
    Clip: ClipAdmin,
    Capture: CaptureAdmin,
    Session: SessionAdmin,
    Experiment: ExperimentAdmin,
    Archive: ArchiveAdmin,
    Job: JobAdmin,
    Camera: CameraAdmin,
    StorageRoot: StorageRootAdmin,
}
"""Model -> its admin, in the order of the first page. Users have our own page; groups have no effect on a station."""


class ArchiveAdminSite(AdminSite):
    """Only the pages of MODELS: no search by autocompletion, no redirects by content types, no password form."""

    site_title = site_header = index_title = "Archive admin"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return super().has_permission(request) and user.may("manager")

    def get_urls(self) -> list[URLResolver | URLPattern]:
        found: list[URLResolver | URLPattern] = [
            path("", self.admin_view(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.admin_view(self.logout), name="logout"),
            path("cleanup/", self.admin_view(self.cleanup), name="cleanup"),
        ]
        for model, model_admin in self._registry.items():
            options = model._meta
            found.append(path(f"{options.app_label}/{options.model_name}/", include(model_admin.urls)))
        found.append(re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)))
        return found

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """None: `index` has a list of its own, without pages of apps."""
        return []

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        models = [model_admin.opts for model_admin in self._registry.values()]
        return TemplateResponse(request, "admin/index.html", {**self.each_context(request), "models": models})

    def cleanup(self, request: HttpRequest) -> HttpResponse:
        return show_cleanup(request, self.each_context(request))


def make_site() -> ArchiveAdminSite:
    found = ArchiveAdminSite()
    for model, model_admin in MODELS.items():
        found.register(model, model_admin)
    return found


SITE = make_site()
