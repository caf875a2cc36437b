"""Holds, which keep clips from being deleted by the rules of count and space."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from captures.clips.models import Clip, ClipHold


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


def release_holds(by: str, name: str, clip: UUID | None = None) -> int:
    """Release the holds of `name`, on one clip or on all; returns how many there were."""
    holds = ClipHold.objects.filter(by=by, name=name)
    if clip is not None:
        holds = holds.filter(clip=clip)
    return holds.delete()[0]
