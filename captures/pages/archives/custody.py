"""Who did what when with an experiment and its archive."""

from __future__ import annotations

from captures.storage.archives.models import Archive
from core.events.models import Event

CUSTODY = 50
"""The newest events of the chain that a page shows; the manifest has all."""


def custody_of(archive: Archive) -> list[Event]:
    """Newest first. Its sentences may name any camera of the experiment."""
    subjects = [str(archive.experiment_id), str(archive.pk)]
    return list(Event.objects.filter(subject__in=subjects).order_by("-at", "-id")[:CUSTODY])
