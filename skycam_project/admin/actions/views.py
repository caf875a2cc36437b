"""The two steps of an action: a plan that changes nothing, and its confirmation; and exports: the files of the chosen
rows as one ZIP file, with their facts and their SHA-256."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from captures.capturing.models import Capture, CaptureFile
from captures.files.downloads import MAX_FILES, ZipDownload, ZipEntry
from captures.files.serving import Stored
from captures.recordings.clips.models import Clip
from captures.storage.archives.planning import capture_facts, clip_facts, unused_path
from core.events.service import record_event
from core.jobs.services import enqueue
from core.text.names import check_line
from core.text.sentences import pluralize
from core.times.timestamps import stamp
from skycam_project.admin.actions.run import ActionRun, BadSelection, Outcome, Plan, Selection, make_plan
from skycam_project.admin.actions.table import Action, ItemRequest, action_named

SCHEMA = "skycam-export/1"
MANIFEST = "manifest.json"


def too_many_files(rows: QuerySet[Any]) -> str:
    """The refusal of clips or captures with more files than one export can have; empty if it can have them."""
    if _stored(rows).order_by()[: MAX_FILES + 1].count() <= MAX_FILES:
        return ""
    return f"An export can have at most {MAX_FILES:,} files. Choose fewer rows, such as those of a night."


def export_files(rows: QuerySet[Any]) -> list[ZipEntry]:
    """The files of clips or captures, in the order of their names."""
    names: set[str] = set()
    found = [_entry(row, names) for row in _stored(rows).iterator(chunk_size=500)]
    return sorted(found, key=lambda file: file.name)


def _stored(rows: QuerySet[Any]) -> QuerySet[Any]:
    if rows.model is Clip:
        return rows.order_by("pk").prefetch_related(None).select_related("camera", "root")
    assert rows.model is Capture
    return CaptureFile.objects.filter(capture__in=rows.order_by().values("pk")).order_by("pk").select_related(
        "capture__camera", "root"
    )  # fmt: skip


def _entry(row: Stored, names: set[str]) -> ZipEntry:
    if isinstance(row, Clip):
        folder, at, facts = f"{row.camera.slug}/clips", row.started_at, clip_facts(row)
    else:
        folder, at, facts = f"{row.capture.camera.slug}/captures", row.capture.started_at, capture_facts(row)
    path = unused_path(folder, row.path.rpartition("/")[2], names)
    names.add(path.lower())
    table = "clips" if isinstance(row, Clip) else "captures"
    return ZipEntry(
        path, table, str(row.pk), row.host, row.root_id, row.root.path, row.path, at, row.bytes, row.sha256, facts,
        is_offsite=row.is_offsite,
    )  # fmt: skip


def send_export(rows: QuerySet[Any], actor: str) -> StreamingHttpResponse:
    """The response with the ZIP file, and its event."""
    files = export_files(rows)
    size = sum(file.bytes for file in files)
    record_event(
        "files.exported", f"{actor} began an export of {pluralize(len(files), 'file')}.", camera=None, actor=actor,
        data={"files": len(files), "bytes": size},
    )  # fmt: skip
    return ExportStream(files, actor).response(f"skycam_{timezone.now():%Y%m%d_%H%M%S}.zip")


class ExportStream(ZipDownload):
    """An export, with its manifest."""

    def __init__(self, files: list[ZipEntry], actor: str) -> None:
        super().__init__(files)
        self._actor = actor

    def describe(self) -> dict[str, bytes]:
        content = {
            "schema": SCHEMA,
            "written": stamp(self.began),
            "written_by": self._actor,
            "software": {"name": "Skycam", "version": version("skycam")},
            "station": {"id": settings.STATION.station.id, "name": settings.STATION.station.name},
            "files": [file.part() for file in self.files],
        }
        return {MANIFEST: (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()}


KIND = "admin_action"
AT_ONCE = 100
"""Rows that a light action changes within its request; more are a job."""
LONGEST_REASON = 500


class NotConfirmed(Exception):
    """The form of a confirmation lacks something; the message says what."""


def plan_action(model_admin: ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """What the action would do with the rows that the list's form chose. Changes nothing."""
    action = action_named(model_admin.model, request.POST.get("action", ""))
    try:
        if action is None:
            raise BadSelection("Choose what to do with the rows.")
        selection = Selection.of_form(model_admin, request)
        rows = selection.rows(model_admin, request.user)
        plan = make_plan(action, rows)
    except BadSelection as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(request.get_full_path())
    limit = too_many_files(rows) if action.work == "download" else ""
    return _plan_page(model_admin, request, action, selection, plan, limit, is_possible=not limit)


def confirm_action(model_admin: ModelAdmin[Any], request: HttpRequest, name: str) -> HttpResponseBase:
    """Do it, if the form confirms what there is now."""
    action, actor = action_named(model_admin.model, name), request.user.get_username()
    if action is None:
        raise Http404("There is no such action.")
    user: Any = request.user
    try:
        selection = Selection.of_text(request.POST.get("selection", ""), model_admin.opts.label_lower, actor)
        rows = selection.rows(model_admin, user)
    except BadSelection as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_list_address(model_admin))
    plan = make_plan(action, rows)
    if action.work == "download" and (limit := too_many_files(rows)):
        return _plan_page(model_admin, request, action, selection, plan, limit, is_possible=False)
    try:
        reason = check_confirmation(action, plan, request.POST)
    except NotConfirmed as error:
        return _plan_page(model_admin, request, action, selection, plan, str(error))
    if action.work == "download":
        return send_export(rows, actor)
    if not action.heavy and plan.count <= AT_ONCE:
        return _run_now(model_admin, request, action, rows, reason)
    return _start_jobs(model_admin, request, action, selection, plan, reason)


def check_confirmation(action: Action, plan: Plan, given: Any) -> str:
    """The reason. NotConfirmed."""
    if not plan.count:
        raise NotConfirmed("There is nothing to do.")
    reason = " ".join(given.get("reason", "").split())
    if action.with_reason and not reason:
        raise NotConfirmed("Give a reason: it is stored with the event of each row.")
    if len(reason) > LONGEST_REASON:
        raise NotConfirmed(f"The reason can have at most {LONGEST_REASON} characters.")
    try:
        check_line(reason)
    except ValueError as error:
        raise NotConfirmed(str(error)) from None
    typed = given.get("confirmation", "").replace(",", "").strip()
    if action.heavy and typed != str(plan.count):
        raise NotConfirmed(f"Type the number of rows to confirm: {plan.count}. It may have changed meanwhile.")
    return reason


def _run_now(
    model_admin: ModelAdmin[Any], request: HttpRequest, action: Action, rows: Any, reason: str
) -> HttpResponse:
    outcome = Outcome()
    for _ in ActionRun(action, rows, ItemRequest(request.user.get_username(), reason), outcome).run():
        pass
    name = model_admin.opts.verbose_name
    messages.success(request, f"{pluralize(outcome.done, str(name))} {action.done}.")
    if outcome.skipped:
        messages.warning(request, f"{outcome.skipped} changed meanwhile and were left out.")
    for problem in outcome.problems:
        messages.error(request, problem)
    return HttpResponseRedirect(_list_address(model_admin))


def _start_jobs(
    model_admin: ModelAdmin[Any], request: HttpRequest, action: Action, selection: Selection, plan: Plan, reason: str
) -> HttpResponse:
    """One job for each host that has files, or one on this host."""
    actor, name = request.user.get_username(), str(model_admin.opts.verbose_name)
    what = f"{action.label}: {pluralize(plan.count, name)}"
    # The text of one plan is the same however often its form is sent.
    form = hashlib.sha256(request.POST["selection"].encode()).hexdigest()
    for host in plan.hosts or [settings.STATION.host]:
        arguments = {
            "model": selection.model, "action": action.name, "selection": selection.query or selection.ids,
            "newest": selection.newest, "until": selection.until, "since": selection.since, "reason": reason,
            "count": plan.count, "host": host if action.places else "",
        }  # fmt: skip
        # A job without its event would name no one.
        with transaction.atomic():
            job, is_new = enqueue(KIND, host, camera=None, subject=what, arguments=arguments, actor=actor, request=form)
            if is_new:
                record_event(
                    "files.action", f"{actor} began: {what}{f' ({reason})' if reason else ''}.", camera=None,
                    subject=job.pk, actor=actor,
                    data={"action": action.name, "model": selection.model, "rows": plan.count, "bytes": plan.bytes,
                          "host": host, "reason": reason, "filter": selection.query},
                )  # fmt: skip
    messages.success(request, f"{what}: begun. This page shows how far it is, and you can cancel it.")
    return HttpResponseRedirect(f"{reverse('jobs')}?kind={KIND}")


def _plan_page(
    model_admin: ModelAdmin[Any], request: HttpRequest, action: Action, selection: Selection, plan: Plan,
    refusal: str = "", *, is_possible: bool = True,
) -> HttpResponse:  # fmt: skip
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "action": action, "plan": plan,
        "selection": selection.text(request.user.get_username()), "refusal": refusal,
        "is_possible": is_possible and bool(plan.count),
        "what": pluralize(plan.count, str(model_admin.opts.verbose_name)),
        "reason": request.POST.get("reason", ""), "back": _list_address(model_admin, selection.query),
        "address": reverse(f"admin:{_name(model_admin)}_action", args=[action.name]),
        "title": f"{action.label} {model_admin.opts.verbose_name_plural}",
    }  # fmt: skip
    return TemplateResponse(request, "admin/plan.html", context, status=400 if refusal else 200)


def _list_address(model_admin: ModelAdmin[Any], query: str = "") -> str:
    address = reverse(f"admin:{_name(model_admin)}_changelist")
    return f"{address}?{query}" if query else address


def _name(model_admin: ModelAdmin[Any]) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
