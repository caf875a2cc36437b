"""Holds, which keep clips from being deleted by the rules of count and space."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from captures.recordings.clips.models import Clip, ClipHold
from core.slices import delete_in_slices


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
