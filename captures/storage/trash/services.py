"""Captures are pinned, moved to the trash and restored. Their files stay where they are until retention purges them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.experiments.models import Experiment, ExperimentCapture
from captures.experiments.resource import ExperimentState
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from core.events.service import record_event
from core.station_zone import site_time_text
from core.text.amounts import pluralize
from core.text.sentences import Sentence, sentence


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
