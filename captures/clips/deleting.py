"""What people do with clips: pin them, and delete them. How a file goes is `captures.recording.removal`."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from captures.models import Clip, ClipHold
from captures.recording.removal import condemn, sweep
from core.plurals import pluralize
from monitoring.services import record_event

PIN = "a pin, which an operator can take off"


class ClipHeld(Exception):
    """It must stay; the message says for what."""

    def __init__(self, clip: Clip, holds: list[ClipHold]) -> None:
        super().__init__(f"The clip is held by {', '.join(reasons_of(clip, holds))}. Nothing was deleted.")
        self.holds = holds


def reasons_of(clip: Clip, holds: list[ClipHold]) -> list[str]:
    """Why it may not be deleted, in words; empty when it may."""
    return [*map(str, holds), *([PIN] if clip.pinned else [])]


@transaction.atomic
def pin_clip(clip: Clip, pinned: bool, actor: str) -> None:
    """Pin it or let it go; twice is once. One that is being deleted already stays as it is."""
    if Clip.objects.present().filter(pk=clip.pk, pinned=not pinned).update(pinned=pinned):
        word = "pinned" if pinned else "let go of"
        record_event(
            "recording.pinned", f"{actor} {word} the clip {clip}.", camera=clip.camera, subject=clip.pk,
            actor=actor, data={"pinned": pinned},
        )  # fmt: skip


def delete_clip(clip: Clip, actor: str) -> None:
    """For good. A file on another host, or on a disk that fails, goes when that host can remove it. ClipHeld;
    Clip.DoesNotExist when it is being deleted already."""
    with transaction.atomic():
        found = Clip.objects.present().select_for_update().get(pk=clip.pk)
        holds = list(found.holds.all())
        if holds or found.pinned:
            raise ClipHeld(found, holds)
        condemn(Clip.objects.present().filter(pk=clip.pk))
        _tell(clip, actor)
    if clip.host == settings.STATION.host:
        sweep(clip.host, [clip.pk])


def _tell(clip: Clip, actor: str) -> None:
    lost = f"{clip.duration.total_seconds():.0f} s, {pluralize(clip.frames, 'frame')}, {clip.filename}"
    record_event(
        "recording.deleted", f"{actor} deleted the clip {clip}: {lost}.", camera=clip.camera, subject=clip.pk,
        actor=actor, data={"path": clip.path, "bytes": clip.bytes, "sha256": clip.sha256},
    )  # fmt: skip
