"""What a cleanup deleted, and the events and sentences that say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip, ClipKind
from captures.roots.models import StorageRoot
from captures.storage.retention.disk_space import FreedSpace
from captures.storage.retention.plan import PlanItem
from captures.tables import guards
from core.events.service import record_event
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize, sentence, was_or_were


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted clip, and the rule: see `captures.storage.retention.plan.Why`."""

    clip: Clip
    why: str

    @property
    def age_s(self) -> float:
        """Seconds since the clip's end."""
        return round((timezone.now() - self.clip.ended_at).total_seconds(), 1)


@dataclass(slots=True)
class CleanupResult:
    deleted: list[Deleted] = field(default_factory=list)
    purged: list[CaptureFile] = field(default_factory=list)
    """Deleted files of captures."""
    moved: list[PlanItem] = field(default_factory=list)
    """Files whose off-site copies alone are kept."""
    problems: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """The number of deleted files."""
        return len(self.deleted) + len(self.purged) + len(self.moved)

    @property
    def bytes(self) -> int:
        freed = sum(one.clip.bytes for one in self.deleted) + sum(file.bytes for file in self.purged)
        return freed + sum(item.bytes for item in self.moved)

    def add(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def record_deletions(clips: Sequence[Clip], why: str, reason: str, actor: str = "", pending: int = 0) -> None:
    """One event per camera, so that users see only events of their cameras. `pending`: bytes that are not free yet."""
    # A look that deletes nothing, as nearly all do, must not take the database's lock for writing.
    if not clips:
        return
    by_camera: dict[Camera, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_camera[clip.camera].append(clip)
    with transaction.atomic():
        for camera, deleted in by_camera.items():
            number, size = len(deleted), sum(clip.bytes for clip in deleted)
            message = sentence(
                "{clips} of {camera} ({size}) {were} deleted: {reason}.",
                clips=pluralize(number, "clip"), camera=camera, size=format_bytes(size), were=was_or_were(number),
                reason=reason,
            )  # fmt: skip
            data = {"why": why, "clips": number, "bytes": size, "unfreed_bytes": pending}
            severity = "warning" if pending else "info"
            record_event("storage.cleaned", message, severity=severity, camera=camera, actor=actor, data=data)


def space_reason(root: StorageRoot, freed: FreedSpace) -> str:
    """Why clips of a root were deleted, and how much space the disk has not freed yet."""
    reason = f"to free space in {root.path}"
    if not freed.pending:
        return reason
    late = f"{format_bytes(freed.pending)} are not free yet: a program may have a clip open"
    return f"{reason}; {late}. No more clips are deleted for a minute"


def shortage_message(root: StorageRoot, freed: FreedSpace, floor: float) -> str:
    """Why no rolling clip is recorded in a root, and what helps."""
    free = f"Only {format_bytes(freed.free)} are free in {root.path}; the soft floor is {format_bytes(floor)}."
    missing = f"free {format_bytes(floor * FREE_SPACE_HYSTERESIS - freed.free)}"
    if not Clip.objects.present().filter(root=root).exists():
        return (
            f"{free} There are no clips to delete. No rolling clip is recorded until there is space: {missing}, or "
            "lower camera_config.soft_floor_gb."
        )
    return (
        f"{free} No clip can be deleted: {_kept_by(root)}. No rolling clip is recorded until "
        f"there is space: release some clips, or {missing}."
    )


def _kept_by(root: StorageRoot) -> str:
    unheld = Clip.objects.unheld().filter(root=root, kind=ClipKind.ROLLING)
    waiting = [reason for reason, condition in guards("clips").items() if unheld.filter(condition).exists()]
    return f"rolling clips wait for {' and '.join(waiting)}" if waiting else "the remaining clips are pinned or held"
