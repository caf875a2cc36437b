"""Experiments in the admin, with their notes and attachments, which are written once."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from captures.experiments.models import STATES, Experiment
from skycam_project.admin.base import Detail, ReadOnlyAdmin, Section
from skycam_project.admin.cells import NOTHING, admin_link, show_time
from skycam_project.admin.filters import ExperimentCameraFilter, choices, values_of

LISTED = 200
ARCHIVES = {
    "none": ("No archive", lambda: Q(archive=None)),
    "complete": ("Complete", lambda: Q(archive__state="complete")),
    "incomplete": ("Incomplete", lambda: Q(archive__state="incomplete")),
    "progress": ("In progress", lambda: Q(archive__state__in=["waiting", "copying"])),
}


class ExperimentAdmin(ReadOnlyAdmin):
    cursor_field = "created_at"
    ordering = ("-created_at", "-id")
    search_texts = ("name", "method", "description")
    list_display = ("name", "status", "cameras", "began", "ended", "operator", "archive_of")
    list_display_links = ("name",)
    list_filter = (
        ExperimentCameraFilter,
        values_of("state", STATES),
        choices("archived", "archive", ARCHIVES),
    )
    facts = (
        "id", "name", "method", "description", "operator", "state", "reason", "message", "planned_start",
        "planned_end", "record", "pre_roll_s", "post_roll_s", "still_interval_s", "started_at", "started_by",
        "ended_at", "ended_by", "settled", "created_by", "created_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return (
            Experiment.objects.select_related("archive").defer("archive__manifest").prefetch_related("places__camera")
        )

    @display(description="State")
    def status(self, experiment: Experiment) -> str:
        return f"{experiment.state}: {experiment.reason}" if experiment.reason else experiment.state

    @display(description="Cameras")
    def cameras(self, experiment: Experiment) -> str:
        return ", ".join(place.camera.slug for place in experiment.places.all()) or NOTHING

    @display(description="Began")
    def began(self, experiment: Experiment) -> SafeString | str:
        return show_time(experiment.started_at)

    @display(description="Ended")
    def ended(self, experiment: Experiment) -> SafeString | str:
        return show_time(experiment.ended_at)

    @display(description="Archive")
    def archive_of(self, experiment: Experiment) -> SafeString | str:
        archive = getattr(experiment, "archive", None)
        return admin_link(archive, archive.state) if archive else NOTHING

    def detail_rows(self) -> QuerySet[Any]:
        return Experiment.objects.select_related("archive").prefetch_related("places__camera", "notes", "attachments")

    def detail(self, row: Any) -> Detail:
        places = [[admin_link(one.camera), one.means or NOTHING, one.message] for one in row.places.all()]
        clips = [
            [admin_link(one), one.kind, show_time(one.started_at)]
            for one in row.clips.filter(deleted_at=None).select_related("camera")[:LISTED]
        ]
        notes = [[show_time(one.at), one.author, one.text] for one in row.notes.all()]
        attachments = [[one.label, one.reference, one.added_by] for one in row.attachments.all()]
        facts = [("Archive", admin_link(getattr(row, "archive", None))), *self.show_facts(row)]
        return Detail(facts, reverse("experiment", args=[row.pk]), None, (
            Section("Cameras", ("Camera", "Contributes", "Message"), places),
            Section(f"Clips (the newest {LISTED})", ("Clip", "Kind", "Began"), clips),
            Section("Notes", ("About", "Author", "Note"), notes),
            Section("Attachments", ("Label", "Reference", "Added by"), attachments),
        ))  # fmt: skip
