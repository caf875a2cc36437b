"""Sessions in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from captures.sessions.models import Session, SessionState
from skycam_project.admin.base import Detail, ReadOnlyAdmin, Section
from skycam_project.admin.cells import admin_link, show_time
from skycam_project.admin.filters import CameraFilter, values_of

GAPS = 200


class SessionAdmin(ReadOnlyAdmin):
    cursor_field = "created_at"
    ordering = ("-created_at", "-id")
    search_camera, search_texts = "camera_id", ("name",)
    list_display = ("title", "camera_slug", "status", "began", "ended", "saved", "failed", "skipped", "created_by")
    list_display_links = ("title",)
    list_filter = (CameraFilter, values_of("state", SessionState.choices))
    facts = (
        "id", "name", "state", "desired", "reason", "message", "created_by", "handed_to", "created_at", "started_at",
        "ended_at", "planned", "saved", "failed", "skipped", "exposure_total_us", "programme", "actual", "warnings",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.select_related("camera").defer("programme", "actual", "warnings")

    @display(description="Session")
    def title(self, session: Session) -> str:
        return session.name or str(session.pk)

    @display(description="Camera")
    def camera_slug(self, session: Session) -> SafeString | str:
        return admin_link(session.camera, session.camera.slug)

    @display(description="State")
    def status(self, session: Session) -> str:
        return f"{session.state}: {session.reason}" if session.reason else session.state

    @display(description="Began")
    def began(self, session: Session) -> SafeString | str:
        return show_time(session.started_at)

    @display(description="Ended")
    def ended(self, session: Session) -> SafeString | str:
        return show_time(session.ended_at)

    def detail_rows(self) -> QuerySet[Any]:
        return Session.objects.select_related("camera")

    def detail(self, row: Any) -> Detail:
        gaps = [
            [show_time(one.from_at), show_time(one.to_at), one.count, one.reason, one.message]
            for one in row.gaps.all()[:GAPS]
        ]
        experiments = [
            [admin_link(one.experiment), one.experiment.state]
            for one in row.experiment_links.select_related("experiment")
        ]
        facts = [("Camera", admin_link(row.camera)), *self.show_facts(row)]
        return Detail(facts, reverse("session", args=[row.pk]), None, (
            Section("Gaps", ("From", "To", "Captures", "Reason", "Message"), gaps),
            Section("Experiments", ("Experiment", "State"), experiments),
        ))  # fmt: skip
