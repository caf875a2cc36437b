"""Cameras in the admin, removed ones too: their files stay. Addresses are shown without passwords."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cameras.drivers import DRIVERS
from cameras.models import Camera
from cameras.resource import CameraFields
from skycam_project.admin.base import Detail, ReadOnlyAdmin
from skycam_project.admin.cells import NOTHING, show_flag, show_time
from skycam_project.admin.filters import values_of, yes_or_no


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
