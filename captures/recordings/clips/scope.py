"""The clips that a user may see and that match the filter of the page of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from cameras.models import Camera
from cameras.visibility import UnknownCamera, camera_condition, visible_cameras
from captures.days.day import Day, now
from captures.recordings.clips.filters import ClipFilter
from captures.recordings.clips.models import Clip
from captures.recordings.clips.selectors import clips_for, overlapping
from captures.recordings.clips.timeline_layout import TimelineLayout, lay_out_timeline
from captures.recordings.clips.windows import Window

MAX_TIMELINES = 12
"""Cameras whose time-lines are drawn at once."""


class Scope:
    """The clips of a filter that a user can see."""

    def __init__(self, user: Any, given: Mapping[str, str]) -> None:
        """Http404 for a camera that the user cannot see."""
        self.user, self.chosen = user, ClipFilter.of(given)
        try:
            self.of_camera = camera_condition(user, self.chosen.camera or None)
        except UnknownCamera as error:
            raise Http404(str(error)) from None
        self.day = self._day()
        self.window = Window.of(given, self.day.range) or Window(*self.day.range, self.day.range)
        self.chosen = replace(self.chosen, window=self.window)

    @property
    def clips(self) -> QuerySet[Clip]:
        """Clips of all days."""
        return clips_for(self.user).filter(**self.of_camera)

    @property
    def bare(self) -> QuerySet[Clip]:
        """The clips without related rows: to find one row, a database would otherwise begin with the smallest table."""
        return self.clips.select_related(None).prefetch_related(None)

    @cached_property
    def cameras(self) -> list[Camera]:
        return visible_cameras(self.user)

    def _day(self) -> Day:
        """The day of the filter, else the newest with clips, else today."""
        if self.chosen.day:
            return Day(self.chosen.day, "day")
        newest = self.bare.order_by("-started_at", "-id").first()
        return Day.of(newest.started_at if newest else now(), "day")

    def timelines(self) -> list[TimelineLayout]:
        """The time-line of the chosen camera, or of all cameras with clips on the day."""
        of_slug: dict[str, list[Camera]] = {}
        for camera in self.cameras:
            # A slug may be used again after a camera was removed: the time-line shows the clips of all that had it.
            of_slug.setdefault(camera.slug, []).append(camera)
        wanted = [self.chosen.camera] if self.chosen.camera else self._slugs_of_day(of_slug)
        return [
            lay_out_timeline(slug, of_slug[slug][-1].name, [one.pk for one in of_slug[slug]], self.window)
            for slug in wanted
        ]

    def _slugs_of_day(self, of_slug: dict[str, list[Camera]]) -> list[str]:
        begin, end = self.day.range
        found = [
            slug for slug, cameras in of_slug.items()
            if overlapping(Clip.objects.present().filter(camera__in=cameras), begin, end).exists()
        ]  # fmt: skip
        return found[:MAX_TIMELINES]
