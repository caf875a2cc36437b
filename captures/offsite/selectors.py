"""What waits for its copy, which files must stay until then, and where the copy of a file is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from captures.archives.findings import VerifiedFile
from captures.archives.models import Archive, ArchiveFile
from captures.clips.models import ClipKind
from captures.offsite.models import CopyState, Destination, DestinationHost, OffsiteCopy, file_columns
from captures.stored_files.tables import FileClass

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


def backlog_of(destination: Destination) -> Backlog:
    """A few milliseconds for a queue of 200,000 files: an index has all columns."""
    copies = OffsiteCopy.objects.filter(destination=destination).order_by()
    waiting = copies.waiting().aggregate(files=Count("pk"), bytes=Sum("bytes"), oldest=Min("at"))
    return Backlog(
        files=waiting["files"], bytes=waiting["bytes"] or 0, oldest=waiting["oldest"],
        sending=copies.filter(state=CopyState.SENDING.value).count(),
        dead=copies.filter(state=CopyState.DEAD.value).count(),
        verified=copies.filter(state=CopyState.VERIFIED.value).count(),
    )  # fmt: skip


def failing_hosts(destination: Destination) -> QuerySet[DestinationHost]:
    return destination.hosts.exclude(failures=0)


def dead_copies_of_archive(archive: Archive) -> dict[str, list[VerifiedFile]]:
    """By host: the files of an archive whose copies are dead."""
    files = ArchiveFile.objects.filter(folder__archive=archive)
    dead = OffsiteCopy.objects.filter(table="archives", state=CopyState.DEAD.value, uuid__in=files.values("pk"))
    paths = dict(files.filter(pk__in=dead.values("uuid")).values_list("pk", "path"))
    found: dict[str, list[VerifiedFile]] = {}
    for copy in dead.select_related("destination").order_by("path"):
        name = copy.destination.name
        # The row may be gone since the first query.
        if copy.uuid in paths:
            again = f"Copy it again: `skycam offsite retry {name}`."
            message = f"Its copy at {name} is dead: {copy.error or 'its last attempt failed.'} {again}"
            found.setdefault(copy.host, []).append(VerifiedFile(path=paths[copy.uuid], what="dead", message=message))
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
