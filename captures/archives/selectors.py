"""The archives that a user may see: those of the experiments that they may see, with the files of their cameras."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cameras.visibility import visible_to
from captures.archives.models import Archive, ArchiveFile
from captures.experiments.selectors import experiments_for


def archives_for(user: Any) -> QuerySet[Archive]:
    found = Archive.objects.filter(experiment__in=experiments_for(user).values("pk"))
    return found.select_related("experiment").prefetch_related("folders__root", "experiment__places__camera")


def archive_files_for(user: Any, archive: Archive) -> QuerySet[ArchiveFile]:
    files = ArchiveFile.objects.filter(folder__archive=archive).select_related("folder", "camera")
    return visible_to(files, user)
