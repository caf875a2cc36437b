"""Captures are pinned, moved to the trash, restored, and purged once their time there is over. Their files stay where
they are until then. A purge marks them first (`purged_at`), then deletes files, then rows. A kill in between leaves
marked captures with rows of files, which the next pass finds."""

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
from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.records import describe_references
from captures.experiments.models import Experiment, ExperimentCapture
from captures.experiments.states import ExperimentState
from captures.recordings.clips.services import Problem, delete_file, open_root
from captures.roots.models import StorageRoot
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from captures.tables import any_of, guards
from core.events.service import record_event
from core.station_zone import site_time_text
from core.text.sentences import Sentence, pluralize, sentence


class CaptureKept(Exception):
    """The capture must not be moved to the trash; the message says why. Nothing was changed."""


class NotInTrash(Exception):
    """The capture cannot be restored; the message says why."""


def in_use() -> Q:
    """The condition of captures that an experiment or an archive needs."""
    unarchived = ExperimentCapture.objects.filter(capture=OuterRef("pk")).exclude(
        experiment__state=ExperimentState.ARCHIVED
    )
    copying = ArchiveFile.objects.filter(capture_file__capture=OuterRef("pk"), state=ArchiveFileState.PLANNED)
    return Q(Exists(unarchived)) | Q(Exists(copying))


def trashable() -> QuerySet[Capture]:
    """Captures with files that nothing keeps."""
    files = CaptureFile.objects.filter(capture=OuterRef("pk"))
    return Capture.objects.present().filter(Exists(files), pinned=False).exclude(in_use())


def trash_capture(capture: Capture, actor: str) -> None:
    """Move the capture to the trash. Idempotent. CaptureKept."""
    with transaction.atomic():
        if trash_captures([capture.pk], actor):
            message = sentence("{who} moved the picture of {name} to the trash.", who=actor, name=_name(capture))
            _record(capture, "capture.trashed", message, actor)
            return
        now = Capture.objects.get(pk=capture.pk)
    if now.trashed_at is None:
        raise CaptureKept(f"The capture is not moved to the trash: {_why_kept(now)}.")


def trash_captures(captures: Iterable[UUID], actor: str) -> list[UUID]:
    """Move those that nothing keeps; returns their ids. In the caller's transaction, with its event."""
    # Locked first, so that a pin that is set at the same time is either seen here or finds the mark.
    locked = list(Capture.objects.select_for_update().filter(pk__in=list(captures)).values_list("pk", flat=True))
    found = list(trashable().filter(pk__in=locked).order_by().values_list("pk", flat=True))
    Capture.objects.filter(pk__in=found, trashed_at=None, pinned=False).update(
        trashed_at=timezone.now(), trashed_by=actor
    )
    return found


@transaction.atomic
def restore_capture(capture: Capture, actor: str) -> None:
    """Take the capture out of the trash. NotInTrash, also when its files are deleted already."""
    restored = Capture.objects.in_trash().filter(pk=capture.pk).update(trashed_at=None, trashed_by="")
    if restored:
        message = sentence("{who} restored the picture of {name}.", who=actor, name=_name(capture))
        _record(capture, "capture.restored", message, actor)
        return
    purged = Capture.objects.exclude(purged_at=None).filter(pk=capture.pk).exists()
    why = "its files were deleted from there" if purged else "it was not moved there, or was restored since"
    raise NotInTrash(f"The capture {capture.pk} is not in the trash: {why}.")


@transaction.atomic
def pin_capture(capture: Capture, pinned: bool, actor: str, reason: str = "") -> None:
    """Pin or unpin the capture. Idempotent. The event has the reason. CaptureKept when it is in the trash."""
    if Capture.objects.present().filter(pk=capture.pk, pinned=not pinned).update(pinned=pinned):
        verb = "pinned" if pinned else "unpinned"
        message = sentence(
            "{who} {verb} the picture of {name}{why}",
            who=actor, verb=verb, name=_name(capture), why=f": {reason}" if reason else ".",
        )  # fmt: skip
        _record(capture, "capture.pinned", message, actor, pinned=pinned, **({"reason": reason} if reason else {}))
    elif not Capture.objects.present().filter(pk=capture.pk).exists():
        raise CaptureKept("The capture is in the trash. Restore it first.")


def _why_kept(capture: Capture) -> str:
    if capture.pinned:
        return "it is pinned; an operator can unpin it"
    unarchived = Experiment.objects.filter(capture_links__capture=capture).exclude(state=ExperimentState.ARCHIVED)
    if names := list(unarchived.values_list("name", flat=True)[:3]):
        word = "experiment" if len(names) == 1 else "experiments"
        return f"it belongs to the {word} {', '.join(names)}, not archived yet"
    if not CaptureFile.objects.filter(capture=capture).exists():
        if CaptureReference.objects.filter(capture=capture).exists():
            return "its files are remote, and this station cannot delete them"
        return "it has no files"
    return "an archive copies it"


def _name(capture: Capture) -> Sentence:
    return sentence("{camera} of {at}", camera=capture.camera, at=site_time_text(capture.started_at))


def _record(capture: Capture, kind: str, message: str, actor: str, **data: object) -> None:
    files = CaptureFile.objects.filter(capture=capture).values("path", "bytes", "sha256")
    record_event(
        kind, message, camera=capture.camera, subject=capture.pk, actor=actor, data={"files": list(files), **data}
    )


def record_aged(captures: Iterable[UUID], days: float) -> None:
    """One event for each camera whose captures the rule of age moved to the trash."""
    by_camera: dict[UUID, list[Capture]] = {}
    for capture in Capture.objects.filter(pk__in=list(captures)).select_related("camera"):
        by_camera.setdefault(capture.camera_id, []).append(capture)
    for moved in by_camera.values():
        number = pluralize(len(moved), "capture")
        message = sentence(
            "{number} of {camera} moved to the trash: older than {days:g} days.",
            number=number, camera=moved[0].camera, days=days,
        )  # fmt: skip
        data = {"why": "age", "captures": [str(capture.pk) for capture in moved]}
        record_event("capture.trashed", message, camera=moved[0].camera, data=data)


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
