"""What waits for its copy, which files must stay until then, where the copy of a file is, and which are only there; and
the metrics of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import ClipKind
from captures.roots.models import Kept
from captures.storage.archives.answers import ArchiveFindingBody
from captures.storage.archives.models import Archive, ArchiveFile
from captures.storage.file_classes import FileClass
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy, file_columns
from captures.storage.offsite.states import WAITING, CopyState
from core.text.sentences import pluralize

CLIP_KINDS = {FileClass.ROLLING_CLIP: ClipKind.ROLLING, FileClass.MANUAL_CLIP: ClipKind.MANUAL}


@dataclass(frozen=True, slots=True)
class Backlog:
    """`oldest` is when the content of the oldest waiting file was captured."""

    files: int
    bytes: int
    oldest: datetime | None
    sending: int
    dead: int
    verified: int


def destinations_for(user: Any) -> QuerySet[Destination]:
    found = Destination.objects.all() if is_manager(user) else Destination.objects.none()
    return found.prefetch_related("cameras", "hosts")


def copies_for(user: Any) -> QuerySet[OffsiteCopy]:
    return OffsiteCopy.objects.all() if is_manager(user) else OffsiteCopy.objects.none()


def is_manager(user: Any) -> bool:
    return bool(user.is_authenticated and user.may("manager"))


def with_backlogs(destinations: Iterable[Destination], _user: Any) -> list[Destination]:
    found = list(destinations)
    backlogs = backlogs_of(found)
    for destination in found:
        destination.backlog = backlogs[destination.pk]
    return found


def backlog_of(destination: Destination) -> Backlog:
    return backlogs_of([destination])[destination.pk]


def backlogs_of(destinations: Iterable[Destination]) -> dict[UUID, Backlog]:
    """Two queries, each from an index that has its columns: a few milliseconds for a queue of 200,000 files."""
    keys = [one.pk for one in destinations]
    copies = OffsiteCopy.objects.filter(destination__in=keys).order_by().values("destination")
    waiting, dead = Q(state__in=WAITING), Q(state=CopyState.DEAD.value)
    # The condition of the index, word by word, so that the database uses it.
    counted = copies.filter(state__in=[*WAITING, CopyState.DEAD.value]).annotate(
        files=Count("pk", filter=waiting), size=Sum("bytes", filter=waiting), oldest=Min("at", filter=waiting),
        sending=Count("pk", filter=Q(state=CopyState.SENDING.value)), dead=Count("pk", filter=dead),
    )  # fmt: skip
    queued = {row["destination"]: row for row in counted}
    verified = copies.filter(state=CopyState.VERIFIED.value).annotate(number=Count("pk"))
    whole = {row["destination"]: row["number"] for row in verified}
    nothing: dict[str, Any] = {"files": 0, "size": 0, "oldest": None, "sending": 0, "dead": 0}
    return {key: _backlog(queued.get(key, nothing), whole.get(key, 0)) for key in keys}


def _backlog(row: Mapping[str, Any], verified: int) -> Backlog:
    return Backlog(row["files"], row["size"] or 0, row["oldest"], row["sending"], row["dead"], verified)


def failing_hosts(destination: Destination) -> QuerySet[DestinationHost]:
    return destination.hosts.exclude(failures=0)


def dead_copies_of_archive(archive: Archive) -> dict[str, list[ArchiveFindingBody]]:
    """By host: the files of an archive whose copies are dead."""
    files = ArchiveFile.objects.filter(folder__archive=archive)
    dead = OffsiteCopy.objects.filter(table="archives", state=CopyState.DEAD.value, uuid__in=files.values("pk"))
    paths = dict(files.filter(pk__in=dead.values("uuid")).values_list("pk", "path"))
    found: dict[str, list[ArchiveFindingBody]] = {}
    for copy in dead.select_related("destination").order_by("path"):
        name = copy.destination.name
        # The row may be gone since the first query.
        if copy.uuid in paths:
            again = f"Copy it again: `skycam offsite retry {name}`."
            message = f"Its copy at {name} is dead: {copy.error or 'its last attempt failed.'} {again}"
            found.setdefault(copy.host, []).append(
                ArchiveFindingBody(path=paths[copy.uuid], what="dead", message=message)
            )
    return found


def unverified_files(table: str) -> Q:
    """Condition for the rows of `table` (clips or captures) that must stay until their copies are verified."""
    return unverified_clips() if table == "clips" else unverified_capture_files()


def unverified_clips() -> Q:
    """Condition for clips that must stay: a destination with `keep_local` covers them and has no verified copy. A clip
    that is not queued yet counts, and so does one of a destination that is paused. Few destinations exist, so the
    condition names each; without one it is empty."""
    found = Q(pk__in=[])
    for destination in Destination.objects.filter(keep_local=True).prefetch_related("cameras"):
        kinds = [kind for name, kind in CLIP_KINDS.items() if name in destination.classes]
        if kinds:
            found |= (
                Q(kind__in=kinds) & _of_cameras(destination, "camera") & Q(~Exists(_verified(destination, "clips")))
            )
    return found


def unverified_capture_files() -> Q:
    """As `unverified_clips`, for rows of `CaptureFile`."""
    found = Q(pk__in=[])
    for destination in Destination.objects.filter(keep_local=True).prefetch_related("cameras"):
        if FileClass.CAPTURE in destination.classes:
            cameras = _of_cameras(destination, "capture__camera")
            found |= cameras & Q(~Exists(_verified(destination, "captures", "number")))
    return found


def unverified_archive_files() -> Q:
    """As `unverified_clips`, for rows of `ArchiveFile`."""
    found = Q(pk__in=[])
    for destination in Destination.objects.filter(keep_local=True).prefetch_related("cameras"):
        if FileClass.ARCHIVE in destination.classes:
            found |= _of_cameras(destination, "camera") & Q(~Exists(_verified(destination, "archives")))
    return found


def _of_cameras(destination: Destination, field: str) -> Q:
    cameras = [camera.pk for camera in destination.cameras.all()]
    return Q(**{f"{field}__in": cameras}) if cameras else Q()


def _verified(destination: Destination, table: str, key: str = "uuid") -> QuerySet[OffsiteCopy]:
    return OffsiteCopy.objects.filter(
        destination=destination, table=table, state=CopyState.VERIFIED.value, **{key: OuterRef("pk")}
    )


def find_copy(table: str, pk: str | UUID | int) -> OffsiteCopy | None:
    """A verified copy of the file, the newest one."""
    return find_copies(table, pk).first()


def find_copies(table: str, pk: str | UUID | int) -> QuerySet[OffsiteCopy]:
    """The verified copies of the file, the newest one first."""
    copies = OffsiteCopy.objects.filter(table=table, state=CopyState.VERIFIED.value)
    # A key of a table is either a number or a UUID: the other column is null.
    columns = {name: value for name, value in file_columns(pk).items() if value is not None}
    return copies.filter(**columns).select_related("destination").order_by("-verified_at")


TABLES: dict[str, tuple[type[CaptureFile | ArchiveFile], str]] = {
    "captures": (CaptureFile, "number"),
    "archives": (ArchiveFile, "uuid"),
}
"""Table of the copies -> its files, and the column of `OffsiteCopy` for their keys."""


def describe_only_copies(destination: Destination) -> str:
    """A sentence; empty for a destination that can be left without the loss of a file."""
    found = sum(_only_copies(destination, table).count() for table in TABLES)
    if not found:
        return ""
    return (
        f"{destination.name} has the only copy of {pluralize(found, 'file')}, so it stays where it is. Bring them "
        "back first (`skycam offsite bring-back`), or disable it: nothing more is sent there then."
    )


def _only_copies(destination: Destination, table: str) -> QuerySet[CaptureFile] | QuerySet[ArchiveFile]:
    model, key = TABLES[table]
    copies = OffsiteCopy.objects.filter(**{key: OuterRef("pk")}, table=table)
    elsewhere = copies.exclude(destination=destination).filter(state=CopyState.VERIFIED.value)
    return model.objects.exclude(kept=Kept.HERE.value).filter(
        Exists(copies.filter(destination=destination)), ~Exists(elsewhere)
    )


NAMES = {
    "skycam_offsite_backlog_files": ("files", "Files that wait for their off-site copy."),
    "skycam_offsite_backlog_bytes": ("bytes", "Their bytes."),
    "skycam_offsite_dead_files": ("dead", "Files whose off-site copy needs a person."),
}
"""Metric -> the field of the backlog, and what it means."""


def offsite_metrics(user: Any) -> Iterator[Metric]:
    if not user.may("manager"):
        return
    found = {destination.name: backlog_of(destination) for destination in Destination.objects.all()}
    for name, (field, meaning) in NAMES.items():
        family = GaugeMetricFamily(name, meaning, labels=["destination"])
        for destination, backlog in found.items():
            family.add_metric([destination], getattr(backlog, field))
        yield family
