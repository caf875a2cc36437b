"""Deletes the files of captures whose time in the trash is over: marked first (`purged_at`), then files, then rows. A
kill in between leaves marked captures with rows of files, which the next pass finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.storage import RootMissing
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.records import describe_references
from captures.recordings.clips.deletion import Problem, delete_file, open_root
from captures.roots.guards import any_of, guards
from captures.roots.models import StorageRoot
from core.events.service import record_event
from core.station_zone import site_time_text
from core.text.sentences import sentence


class NotPurged(Exception):
    """Files could not be deleted; the message says why."""


@dataclass(slots=True)
class PurgeSummary:
    """Deleted files, and problems by root."""

    files: list[CaptureFile] = field(default_factory=list)
    problems: dict[UUID, Problem] = field(default_factory=dict)


def capture_guards(capture: str) -> dict[str, Q]:
    """What keeps captures, in words -> the condition of those with a file that it keeps: none of their files is deleted
    then. `capture`: the field of the rows that names their capture."""
    return {
        reason: Q(Exists(CaptureFile.objects.filter(condition, capture=OuterRef(capture))))
        for reason, condition in guards("captures").items()
    }


def guarded_captures() -> Q:
    """The condition of captures with a file that a guard keeps."""
    return any_of(capture_guards("pk"))


def purgeable(days: float) -> QuerySet[Capture]:
    """Captures that were moved to the trash more than `days` ago, and of which no guard keeps a file."""
    before = timezone.now() - timedelta(days=days)
    return Capture.objects.in_trash().filter(trashed_at__lte=before).exclude(guarded_captures())


def expired(days: float) -> QuerySet[CaptureFile]:
    """The files of captures that are purgeable."""
    return CaptureFile.objects.filter(capture__in=purgeable(days).order_by())


def marked() -> QuerySet[CaptureFile]:
    """Files of captures whose purge has begun."""
    return CaptureFile.objects.exclude(capture__purged_at=None)


def mark_purged(files: Iterable[str], days: float) -> list[str]:
    """Mark the captures of those `files` whose time is over; returns the keys of those of `files` that belong to marked
    captures. Other files of a capture, such as those of another root, are left to the next pass."""
    wanted = list(files)
    captures = set(CaptureFile.objects.filter(pk__in=wanted).values_list("capture", flat=True))
    # One statement: neither a restoration nor a new guard comes between its condition and the mark.
    purgeable(days).filter(pk__in=captures).update(purged_at=timezone.now())
    hit_failpoint("after_capture_purged")
    return [str(pk) for pk in marked().filter(pk__in=wanted).values_list("pk", flat=True)]


def purge_capture(capture: Capture, host: str, actor: str) -> None:
    """Delete the files that a capture in the trash has on this host, before its time is over. Those on other hosts are
    deleted by their next pass. NotPurged, when some stay, or could not be deleted yet; the next pass tries these
    again."""
    files = [str(pk) for pk in capture.files.values_list("pk", flat=True)]
    summary = purge_files(host, mark_purged(files, 0), actor)
    if summary.problems:
        raise NotPurged(" ".join(problem.sentence for problem in summary.problems.values()))
    if reasons := _kept_by(capture):
        raise NotPurged(f"The picture {capture.pk} stays. It is kept by {', '.join(reasons)}.")


def _kept_by(capture: Capture) -> list[str]:
    """The guards that keep a capture in the trash, in words."""
    row = Capture.objects.in_trash().filter(pk=capture.pk)
    return [reason for reason, condition in capture_guards("pk").items() if row.filter(condition).exists()]


def purge_files(host: str, files: Iterable[str], actor: str = "") -> PurgeSummary:
    """Delete these files of marked captures on this host, then their rows. `actor`: who asked for it; empty: their time
    in the trash is over."""
    summary = PurgeSummary()
    found = marked().filter(pk__in=list(files), host=host, root__host=host).select_related("capture__camera")
    for root in StorageRoot.objects.filter(pk__in=set(found.order_by().values_list("root", flat=True))):
        try:
            with open_root(root) as opened:
                _purge(opened, root, list(found.filter(root=root).order_by("capture", "pk")), summary, actor)
        except RootMissing as error:
            summary.problems[root.pk] = Problem(str(error))
        except OSError as error:
            summary.problems[root.pk] = Problem(f"Files in {root.path} cannot be deleted: {error.strerror}.")
    return summary


def _purge(opened: RootFiles, root: StorageRoot, files: list[CaptureFile], summary: PurgeSummary, actor: str) -> None:
    gone = list[CaptureFile]()
    for file in files:
        try:
            delete_file(opened, file.path, file.sha256)
            gone.append(file)
        except OSError as error:
            summary.problems[root.pk] = Problem(
                f"{file.path} in {root.path} cannot be deleted: {error.strerror}. Check that file and its folders.",
                file.capture.camera,
                f"A file in {root.path} cannot be deleted ({error.strerror}).",
            )
    hit_failpoint("after_capture_files")
    deleted = delete_rows(gone, actor)
    hit_failpoint("after_capture_rows")
    summary.files += deleted


@transaction.atomic
def delete_rows(files: list[CaptureFile], actor: str) -> list[CaptureFile]:
    """With one event for each capture, in the same transaction. Returns those that had a row: a person and the periodic
    cleanup may purge the same capture, and it is reported once."""
    rows = CaptureFile.objects.filter(pk__in=[file.pk for file in files])
    locked = set(rows.select_for_update().order_by().values_list("pk", flat=True))
    files = [file for file in files if file.pk in locked]
    by_capture: dict[UUID, list[CaptureFile]] = {}
    for file in files:
        by_capture.setdefault(file.capture_id, []).append(file)
    CaptureFile.objects.filter(pk__in=locked).delete()
    for pk, own in by_capture.items():
        capture = own[0].capture
        when = site_time_text(capture.trashed_at) if capture.trashed_at else "an unknown time"
        message = f"Its picture was moved to the trash at {when} and deleted at {site_time_text(timezone.now())}."
        if references := describe_references(capture.references.all()):
            message = f"{message} Remote files were not deleted: {references}."
        Capture.objects.filter(pk=pk).update(message=message)
        data = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in own]
        record_event(
            "capture.deleted",
            sentence(
                "The picture of {camera} of {at} was deleted: {why}.",
                camera=capture.camera,
                at=site_time_text(capture.started_at),
                why=f"{actor} emptied it from the trash" if actor else "its time in the trash is over",
            ),
            camera=capture.camera,
            subject=pk,
            actor=actor or capture.trashed_by,
            data={"files": data},
        )
    return files
