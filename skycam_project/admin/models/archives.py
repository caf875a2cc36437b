"""Archives of experiments in the admin, with who did what when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from captures.storage.archives.manifest import custody
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from skycam_project.admin.base import Detail, ReadOnlyAdmin, Section
from skycam_project.admin.cells import NOTHING, admin_link, show_size, show_time
from skycam_project.admin.filters import choices, values_of

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
