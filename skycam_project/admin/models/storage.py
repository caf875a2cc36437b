"""Storage roots in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cameras.spool.storage import read_marker
from captures.roots.models import StorageRoot
from skycam_project.admin.base import Detail, ReadOnlyAdmin, Section
from skycam_project.admin.cells import NOTHING, show_flag, show_time
from skycam_project.admin.filters import yes_or_no


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
