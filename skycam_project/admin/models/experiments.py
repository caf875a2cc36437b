"""Experiments in the admin, with their notes and attachments, which are written once; their sessions; and their
archives, with who did what when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from captures.experiments.models import STATES, Experiment
from captures.sessions.models import Session, SessionState
from captures.storage.archives.manifest import custody
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from skycam_project.admin.base import NOTHING, Detail, ReadOnlyAdmin, Section, admin_link, show_size, show_time
from skycam_project.admin.change_list import CameraFilter, ExperimentCameraFilter, choices, values_of

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


FAULTY = 200
VERIFICATIONS = {
    "whole": ("Whole", lambda: Q(verification="whole")),
    "faulty": ("Faulty", lambda: Q(verification="faulty")),
    "never": ("Never verified", lambda: Q(verification="")),
}


class ArchiveAdmin(ReadOnlyAdmin):
    cursor_field = "requested_at"
    ordering = ("-requested_at", "-id")
    search_texts = ("folder", "experiment__name")
    list_display = ("experiment_name", "state", "method", "requested", "completed", "files", "size", "verified")
    list_display_links = ("experiment_name",)
    list_filter = (values_of("state", ArchiveState.choices), choices("verification", "verification", VERIFICATIONS))
    facts = (
        "id", "state", "method", "folder", "message", "missing", "requested_by", "requested_at", "wait_until",
        "completed_at", "revision", "verified_at", "verification",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Archive]:
        return Archive.objects.select_related("experiment").defer("manifest")

    @display(description="Experiment")
    def experiment_name(self, archive: Archive) -> str:
        return archive.experiment.name

    @display(description="Requested")
    def requested(self, archive: Archive) -> SafeString | str:
        return show_time(archive.requested_at)

    @display(description="Completed")
    def completed(self, archive: Archive) -> SafeString | str:
        return show_time(archive.completed_at)

    @display(description="Files")
    def files(self, archive: Any) -> str:
        return ", ".join(f"{number:,} {state}" for state, (number, _) in sorted(archive.sums.items())) or NOTHING

    @display(description="Size")
    def size(self, archive: Any) -> str:
        return show_size(sum(size for state, (_, size) in archive.sums.items() if state != ArchiveFileState.MISSING))

    @display(description="Verified")
    def verified(self, archive: Archive) -> str:
        return archive.verification or "never"

    def complete_rows(self, rows: Sequence[Any]) -> None:
        """`sums`: state -> number and bytes of the archive's files."""
        by_archive = {archive.pk: archive for archive in rows}
        for archive in rows:
            archive.sums = {}
        files = ArchiveFile.objects.filter(folder__archive__in=list(by_archive)).order_by()
        for pk, state, number, size in files.values_list("folder__archive", "state").annotate(
            Count("pk"), Sum("bytes")
        ):
            by_archive[pk].sums[state] = (number, size)

    def detail_rows(self) -> QuerySet[Any]:
        return Archive.objects.select_related("experiment").prefetch_related("folders__root")

    def detail(self, row: Any) -> Detail:
        self.complete_rows([row])
        folders = [
            [one.host, admin_link(one.root), show_time(one.copied_at), show_time(one.verified_at)]
            for one in row.folders.all()
        ]
        faulty = ArchiveFile.objects.filter(folder__archive=row).exclude(state__in=["copied", "planned"])
        faults = [[one.path, one.state, one.message] for one in faulty[:FAULTY]]
        chain = [[one["at"], one["kind"], one["actor"], one["message"]] for one in custody(row)]
        facts = [("Experiment", admin_link(row.experiment)), ("Size", self.size(row)), *self.show_facts(row)]
        return Detail(facts, reverse("experiment", args=[row.experiment_id]), None, (
            Section("Folders", ("Host", "Storage root", "Copied", "Verified"), folders),
            Section("Missing and damaged files", ("Path", "State", "Message"), faults),
            Section("Chain of custody", ("At", "Event", "By", "Message"), chain),
        ))  # fmt: skip
