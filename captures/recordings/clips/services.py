"""Clips are held, pinned and deleted."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from captures.recordings.clips.deletion import delete_marked, mark_for_deletion
from captures.recordings.clips.models import Clip, ClipHold
from captures.roots.guards import guards, unguarded
from core.events.service import record_event
from core.slices import delete_in_slices
from core.text.amounts import pluralize

PIN = "a pin, which an operator can remove"
GUARDS_AS_HOLDS = {
    "an archive that copies it": ("archive", "until it is copied"),
    "an off-site copy that is not verified": ("offsite", "until its copy is verified"),
}
"""What keeps a clip, by `captures.tables.RETENTION_GUARDS` -> by whom and until when, as in a hold."""


class ClipHeld(Exception):
    """The clip must not be deleted; the message says why."""

    def __init__(self, clip: Clip, holds: list[ClipHold]) -> None:
        super().__init__(f"The clip is held by {', '.join(hold_reasons(clip, holds))}. Nothing was deleted.")
        self.holds = holds


def hold_reasons(clip: Clip, holds: list[ClipHold]) -> list[str]:
    """Why the clip must not be deleted, for people; empty if it may be."""
    return [*map(str, holds), *([PIN] if clip.pinned else [])]


@transaction.atomic
def pin_clip(clip: Clip, pinned: bool, actor: str, reason: str = "") -> None:
    """Pin or unpin the clip. Idempotent. A clip that is being deleted is not changed. The event has the reason."""
    if Clip.objects.present().filter(pk=clip.pk, pinned=not pinned).update(pinned=pinned):
        verb = "pinned" if pinned else "unpinned"
        record_event(
            "recording.pinned", f"{actor} {verb} the clip {clip}{f': {reason}' if reason else '.'}",
            camera=clip.camera, subject=clip.pk, actor=actor,
            data={"pinned": pinned, **({"reason": reason} if reason else {})},
        )  # fmt: skip


def delete_clip(clip: Clip, actor: str) -> None:
    """Delete the clip for good. A file on another host, or on a failing disk, is deleted when that host can do it.
    ClipHeld; Clip.DoesNotExist if it is being deleted already."""
    with transaction.atomic():
        found = Clip.objects.present().select_for_update().get(pk=clip.pk)
        holds = list(found.holds.all())
        if holds or found.pinned:
            raise ClipHeld(found, holds)
        if holds := _guarding_holds(found):
            raise ClipHeld(found, holds)
        # Not `deletable()`: a person may also delete a manual clip. A guard that came meanwhile keeps it, too.
        if not mark_for_deletion(unguarded(Clip.objects.present().filter(pk=clip.pk), "clips")):
            raise ClipHeld(found, _guarding_holds(found))
        _record_deletion(clip, actor)
    # After the commit: a transaction that is rolled back must not have deleted a file. A kill here leaves the clip to
    # the next pass of its host.
    if clip.host == settings.STATION.host:
        delete_marked(clip.host, [clip.pk])


def _guarding_holds(clip: Clip) -> list[ClipHold]:
    """What keeps the clip without a hold of its own, in the form of holds, which are not stored."""
    rows = Clip.objects.filter(pk=clip.pk)
    found = [reason for reason, condition in guards("clips").items() if rows.filter(condition).exists()]
    return [ClipHold(clip=clip, by=by, name=name) for by, name in map(GUARDS_AS_HOLDS.__getitem__, found)]


def _record_deletion(clip: Clip, actor: str) -> None:
    content = f"{clip.duration.total_seconds():.0f} s, {pluralize(clip.frames, 'frame')}, {clip.filename}"
    record_event(
        "recording.deleted", f"{actor} deleted the clip {clip}: {content}.", camera=clip.camera, subject=clip.pk,
        actor=actor, data={"path": clip.path, "bytes": clip.bytes, "sha256": clip.sha256},
    )  # fmt: skip


class ClipDeleted(Exception):
    """The clip is being deleted, or does not exist."""


@transaction.atomic
def hold_clip(clip: UUID, by: str, name: str) -> ClipHold:
    """Keep the clip for the experiment, archive or export `name`. Idempotent. ClipDeleted.

    The row is locked first: a concurrent deletion sees the hold, or the hold sees the deletion.
    """
    if Clip.objects.present().select_for_update().filter(pk=clip).first() is None:
        raise ClipDeleted(f"The clip {clip} is being deleted, or does not exist any more.")
    # In the transaction of the lock, or a deletion could mark the clip between the check and this row.
    found, _ = ClipHold.objects.get_or_create(clip_id=clip, by=by, name=name)
    return found


def release_holds(by: str, name: str) -> int:
    """Release all holds of `name`; returns how many there were. An experiment may have tens of thousands of clips."""
    return delete_in_slices(ClipHold.objects.filter(by=by, name=name))
