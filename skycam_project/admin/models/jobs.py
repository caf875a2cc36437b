"""Jobs in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from core.jobs.models import Job
from core.jobs.tables import JOB_KINDS, label_of
from skycam_project.admin.base import Detail, ReadOnlyAdmin
from skycam_project.admin.cells import NOTHING, show_time
from skycam_project.admin.filters import model_choices, values_of


class JobAdmin(ReadOnlyAdmin):
    cursor_field = "created_at"
    ordering = ("-created_at", "-id")
    search_texts = ("subject",)
    list_display = ("label", "subject", "state", "progress", "host", "created", "ended", "requested_by")
    list_display_links = ("label",)
    list_filter = (
        values_of("kind", [(name, kind.label) for name, kind in JOB_KINDS.items()]),
        values_of("state", model_choices(Job, "state")),
    )
    facts = (
        "id", "kind", "subject", "camera", "host", "state", "done", "total", "sentence", "attempts", "error",
        "requested_by", "created_at", "started_at", "ended_at", "cancel_requested_by", "cancel_requested_at",
        "arguments", "result",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return Job.objects.defer("arguments", "checkpoint", "result")

    @display(description="Job")
    def label(self, job: Job) -> str:
        return label_of(job.kind)

    @display(description="Progress")
    def progress(self, job: Job) -> str:
        return job.sentence or (f"{job.done:,} of {job.total:,}" if job.total else NOTHING)

    @display(description="Created")
    def created(self, job: Job) -> SafeString | str:
        return show_time(job.created_at)

    @display(description="Ended")
    def ended(self, job: Job) -> SafeString | str:
        return show_time(job.ended_at)

    def detail(self, row: Any) -> Detail:
        return Detail(self.show_facts(row), f"{reverse('jobs')}?kind={row.kind}")
