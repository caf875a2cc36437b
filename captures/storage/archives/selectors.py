"""The archives and archived files that a user may see, the copies that are served, the files that retention must
leave to an archive; and the metrics of archives, for managers: an archive may have the files of any camera."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.selectors import visible_to
from captures.experiments.selectors import experiments_for
from captures.files.opened import StoredCopy
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState, ArchiveState
from captures.thumbnails.store import CLIP


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


def copy_of(file: ArchiveFile) -> StoredCopy:
    folder = file.folder
    return StoredCopy(
        pk=file.pk, host=folder.host, root=folder.root, path=f"{folder.archive.folder}/{file.path}", bytes=file.bytes,
        sha256=file.sha256, kind=CLIP if is_clip(file) else str(file.facts.get("file_kind", "")),
        simulated=bool(file.facts.get("simulated")), is_offsite=file.is_offsite,
    )  # fmt: skip


def is_clip(file: ArchiveFile) -> bool:
    """By the manifest's facts: the source may be deleted."""
    return bool(file.facts.get("kind") == "clip")


SOURCE_FIELDS = {"clips": "clip", "captures": "capture_file"}
"""Table of files -> the field of `ArchiveFile` that names its rows."""


def files_to_copy(table: str) -> Q:
    """The rows of `table` that an archive has planned and not copied yet."""
    planned = ArchiveFile.objects.filter(**{SOURCE_FIELDS[table]: OuterRef("pk")}, state=ArchiveFileState.PLANNED)
    return Q(Exists(planned))


RESULTS = {"whole": "whole", "faulty": "faulty", "": "never"}
"""Result of the last verification as in the row -> as in the metric."""


def archive_metrics(user: Any) -> Iterator[Metric]:
    if not user.may("manager"):
        return
    archives = Archive.objects.order_by()
    states = GaugeMetricFamily("skycam_archives", "Archives by state.", labels=["state"])
    counted = dict(archives.values_list("state").annotate(number=Count("pk")))
    for state in ArchiveState.values:
        states.add_metric([state], counted.get(state, 0))
    yield states
    results = GaugeMetricFamily(
        "skycam_archive_verifications", "Complete archives by the result of their last verification.",
        labels=["result"],
    )  # fmt: skip
    complete = archives.filter(state=ArchiveState.COMPLETE)
    verified = dict(complete.values_list("verification").annotate(number=Count("pk")))
    for stored, label in RESULTS.items():
        results.add_metric([label], verified.get(stored, 0))
    yield results
    oldest = GaugeMetricFamily(
        "skycam_archive_oldest_verification_timestamp_seconds",
        "When the archive whose verification is the longest ago was verified.",
    )
    if at := complete.aggregate(at=Min("verified_at"))["at"]:
        oldest.add_metric([], at.timestamp())
    yield oldest
