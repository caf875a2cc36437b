"""A day's clips in pages, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from captures.recordings.clips.models import Clip
from captures.recordings.clips.selectors import overlapping
from core.api.paging import beyond
from core.api.queries import Cursor

PAGE = 48


@dataclass(frozen=True, slots=True)
class PageOfClips:
    """One page, and the cursors to the pages around it."""

    clips: list[Clip]
    earlier: Cursor | None = None
    later: Cursor | None = None


def page_of_clips(
    clips: QuerySet[Clip], ends: tuple[datetime, datetime], start: datetime | None, cursor: Cursor | None
) -> PageOfClips:
    """A page of the clips that show a part of the time between `ends`: from the cursor, else from `start`, else from
    the beginning."""
    begin, end = ends
    if cursor is not None and not cursor.newer:
        return _backward(beyond(overlapping(clips, begin, end), "started_at", cursor))
    if cursor is not None:
        return _forward(beyond(overlapping(clips, begin, end), "started_at", cursor), before=True)
    if start is None:
        return _forward(overlapping(clips, begin, end), before=False)
    return _forward(overlapping(clips, start, end), before=overlapping(clips, begin, start).exists())


def _forward(clips: QuerySet[Clip], *, before: bool) -> PageOfClips:
    found = list(clips.order_by("started_at", "id")[: PAGE + 1])
    shown = found[:PAGE]
    return PageOfClips(
        shown,
        _cursor(shown[0], newer=False) if before and shown else None,
        _cursor(shown[-1], newer=True) if len(found) > PAGE else None,
    )


def _backward(clips: QuerySet[Clip]) -> PageOfClips:
    found = list(clips.order_by("-started_at", "-id")[: PAGE + 1])
    shown = found[:PAGE][::-1]
    return PageOfClips(
        shown,
        _cursor(shown[0], newer=False) if len(found) > PAGE else None,
        _cursor(shown[-1], newer=True) if shown else None,
    )


def _cursor(clip: Clip, *, newer: bool) -> Cursor:
    return Cursor(clip.started_at, clip.pk, newer)
