"""The page Clean up: a plan of what the rules of retention delete on this host, and its execution as a job."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from captures.storage.retention.jobs import enqueue_plan
from captures.storage.retention.manager import MINUTES, PlanRefused, StorageManager, check_claimable, load_plan
from captures.storage.retention.plan import CleanupPlan
from captures.storage.retention.plan_bodies import plan_body
from core.events.models import Event
from core.events.service import record_event
from core.text.amounts import pluralize

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
