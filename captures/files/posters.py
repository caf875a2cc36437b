"""`PosterSearch`: renders the posters of new clips before a page asks for them.

It finds the clips in the database and needs no message about them, so no clip is missed while the broker or this
process is away. Posters of older clips are rendered when they are requested (`captures/files/thumbnails.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from captures.clips.models import Clip, ClipQuerySet
from captures.files.thumbnail_queue import job_for, local_queue
from captures.thumbnails.jobs import ThumbnailJob
from core.periodic.work import Work

NEWEST = 50
"""Clips that one search looks at: those of 5 s from ten cameras that rotate each second."""


class PosterSearch(Work):
    """Queues each of the newest clips of `host` once. A clip whose poster exists already costs its child a read."""

    def __init__(self, host: str, enqueue: Callable[[ThumbnailJob], None] | None = None) -> None:
        """`enqueue` is that of this process's queue by default."""
        super().__init__(host)
        self._enqueue = enqueue or local_queue().enqueue
        self._queued: set[UUID] = set()

    def run(self) -> None:
        """DatabaseError."""
        # Only ids: most searches find nothing new and need no rows.
        newest = list(self._clips().values_list("pk", flat=True)[:NEWEST])
        unseen = set(newest) - self._queued
        if unseen:
            for clip in self._clips().filter(pk__in=unseen).select_related("root").reverse():
                self._enqueue(job_for(clip))  # the queue takes the last one first: the newest
        # After the jobs: if the database fails before, the next search queues them again.
        self._queued = set(newest)

    def _clips(self) -> ClipQuerySet:
        return Clip.objects.present().filter(host=self.host).order_by("-started_at", "-id")
