"""What the station has, in the admin: cameras (removed ones too, because their files stay; addresses without
passwords), storage roots and jobs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cameras.drivers import DRIVERS
from cameras.models import Camera
from cameras.resource import CameraFields
from cameras.spool.storage import read_marker
from captures.roots.models import StorageRoot
from core.jobs.models import Job
from core.jobs.tables import JOB_KINDS, label_of
from skycam_project.admin.base import NOTHING, Detail, ReadOnlyAdmin, Section, show_flag, show_time
from skycam_project.admin.change_list import model_choices, values_of, yes_or_no


class CameraAdmin(ReadOnlyAdmin):
    ordering = ("slug", "created_at")
    list_per_page = 1000
    search_camera, search_texts = "id", ("name",)
    list_display = ("slug", "name", "kind", "host", "is_enabled", "records", "created", "files", "removed")
    list_display_links = ("slug",)
    list_filter = (
        values_of("kind", [(name, label) for name, (label, _) in DRIVERS.items()]),
        yes_or_no("removed", "removed", Q(removed_at__isnull=False)),
    )
    facts = (
        "id", "slug", "kind", *(name for name in CameraFields.model_fields if name != "audience"), "connected",
        "recording", "recording_by", "observed", "created_at", "removed_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Camera]:
        return Camera.objects.all()

    @display(description="Enabled")
    def is_enabled(self, camera: Camera) -> str:
        return show_flag(camera.enabled)

    @display(description="Records")
    def records(self, camera: Camera) -> str:
        return camera.recording or NOTHING

    @display(description="Added")
    def created(self, camera: Camera) -> SafeString | str:
        return show_time(camera.created_at)

    @display(description="Removed")
    def removed(self, camera: Camera) -> SafeString | str:
        return show_time(camera.removed_at)

    @display(description="Files")
    def files(self, camera: Camera) -> SafeString:
        return format_html(
            '<a href="{}?camera={}">Clips</a> <a href="{}?camera={}">Captures</a>',
            reverse("admin:captures_clip_changelist"), camera.pk,
            reverse("admin:captures_capture_changelist"), camera.pk,
        )  # fmt: skip

    def detail(self, row: Any) -> Detail:
        page = "" if row.removed_at else reverse("camera", args=[row.slug])
        return Detail([*self.show_facts(row), ("Files", self.files(row))], page)


class StorageRootAdmin(ReadOnlyAdmin):
    ordering = ("host", "path")
    list_per_page = 1000
    search_texts = ("path", "host")
    list_display = ("path", "host", "classes", "is_exhausted", "mounted", "created")
    list_display_links = ("path",)
    list_filter = (yes_or_no("exhausted", "exhausted", Q(exhausted=True)),)
    facts = ("id", "host", "path", "exhausted", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StorageRoot]:
        return StorageRoot.objects.prefetch_related("assignments")

    @display(description="New files of")
    def classes(self, root: StorageRoot) -> str:
        return ", ".join(sorted(one.storage_class for one in root.assignments.all())) or NOTHING

    @display(description="Exhausted")
    def is_exhausted(self, root: StorageRoot) -> str:
        return show_flag(root.exhausted)

    @display(description="Mounted")
    def mounted(self, root: StorageRoot) -> str:
        """Only its own host can say."""
        if root.host != settings.STATION.host:
            return f"see {root.host}"
        return show_flag(read_marker(root.path) == str(root.pk))

    @display(description="Created")
    def created(self, root: StorageRoot) -> SafeString | str:
        return show_time(root.created_at)

    def detail(self, row: Any) -> Detail:
        rows = [[one.storage_class] for one in row.assignments.all()]
        facts = [*self.show_facts(row), ("Mounted", self.mounted(row))]
        return Detail(facts, sections=(Section("New files of", ("Storage class",), rows),))


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
