"""The archives that a user may see: those of the experiments that they may see, with the files of their cameras."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from cameras.visibility import visible_to
from captures.experiments.selectors import experiments_for
from captures.storage.archives.models import Archive, ArchiveFile


def archives_for(user: Any) -> QuerySet[Archive]:
    found = Archive.objects.filter(experiment__in=experiments_for(user).values("pk"))
    # A manifest can have many megabytes, and lists show none.
    return (
        found.select_related("experiment")
        .defer("manifest")
        .prefetch_related("folders__root", "experiment__places__camera")
    )


def archive_files_for(user: Any, archive: Archive) -> QuerySet[ArchiveFile]:
    files = ArchiveFile.objects.filter(folder__archive=archive).select_related("folder", "camera")
    return visible_to(files, user)


def archive_file_for(user: Any, archive: UUID, file: UUID) -> ArchiveFile:
    """ArchiveFile.DoesNotExist also for one of another archive or of a camera that the user may not see."""
    found = archives_for(user).filter(pk=archive).first()
    if found is None:
        raise ArchiveFile.DoesNotExist
    files = archive_files_for(user, found).select_related("folder__archive", "folder__root", "camera")
    return files.defer("folder__archive__manifest").get(pk=file)


def kind_condition(kind: str | None) -> Q:
    """Clips or captures. By the facts of the manifest: the source may be deleted."""
    return Q(facts__kind=kind) if kind else Q()
