"""What keeps a clip from being deleted by the rules of count and space."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from captures.models import Clip, ClipHold


class ClipDeleted(Exception):
    """The clip is being deleted, or is not there."""


@transaction.atomic
def hold_clip(clip: UUID, by: str, name: str) -> ClipHold:
    """Keep the clip for the experiment, archive or export `name`; twice is once. ClipDeleted.

    The row is locked first: a deletion that comes at the same moment sees the hold, or this sees the deletion.
    """
    if Clip.objects.present().select_for_update().filter(pk=clip).first() is None:
        raise ClipDeleted(f"The clip {clip} is being deleted, or is not there any more.")
    found, _ = ClipHold.objects.get_or_create(clip_id=clip, by=by, name=name)
    return found


def release_holds(by: str, name: str, clip: UUID | None = None) -> int:
    """End the holds of that name, on one clip or on all; how many there were."""
    holds = ClipHold.objects.filter(by=by, name=name)
    if clip is not None:
        holds = holds.filter(clip=clip)
    return holds.delete()[0]
