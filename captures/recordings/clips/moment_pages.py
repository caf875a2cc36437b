"""From a moment to the clip that shows it, or to the clips around it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from cameras.visibility import UnknownCamera, camera_ids, visible_cameras
from captures.days.day import Day
from captures.days.parameters import parse_moment
from captures.recordings.clips.filters import ClipFilter
from captures.recordings.clips.models import Clip
from captures.recordings.clips.scope import Scope
from captures.recordings.clips.selectors import clips_for, first_after, last_before, showing
from captures.recordings.clips.windows import Window
from core.pages.page import Page


class AtPage(Page):
    """Redirects to a moment: `camera` (by default any with video then) and `at`, in the reader's time zone or with
    one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        slug, moment = request.GET.get("camera", ""), parse_moment(request.GET.get("at", ""))
        cameras = self.camera_ids(slug)
        if moment is None:
            return redirect(f"{reverse('clips')}?{urlencode({'camera': slug})}")
        found = showing(clips_for(request.user), cameras, moment)
        if found:
            window = Window.of(request.GET.dict(), Day.of(found[0].started_at, "day").range)
            return redirect(address_at(found[0], moment, window))
        return redirect(f"{reverse('clips')}{ClipFilter(day=self.day(moment), camera=slug).link(missed=moment)}")

    def camera_ids(self, slug: str) -> list[UUID]:
        if not slug:
            return [camera.pk for camera in visible_cameras(self.request.user)]
        try:
            return camera_ids(self.request.user, slug)
        except UnknownCamera as error:
            raise Http404(str(error)) from None

    def day(self, moment: datetime) -> Any:
        return Day.of(moment, "day").date


def address_at(clip: Clip, moment: datetime, window: Window | None = None) -> str:
    """The page of a clip, opened at `moment`, with `window` on its time-line."""
    values = {"t": f"{(moment - clip.started_at).total_seconds():g}"} | (window.values() if window else {})
    return f"{reverse('clip', args=[clip.pk])}?{urlencode(values)}"


def missed_moment(scope: Scope) -> dict[str, Any] | None:
    """A moment without video: the clips before and after it, of the chosen camera or of all cameras, and the clips of
    other cameras at that moment."""
    moment, clips = scope.chosen.missed, clips_for(scope.user)
    if moment is None:
        return None
    chosen = [camera for camera in scope.cameras if scope.chosen.camera in {"", camera.slug}]
    ids = [camera.pk for camera in chosen]
    return {
        "at": moment,
        "camera": chosen[-1].name if scope.chosen.camera else "",
        "before": last_before(clips, ids, moment),
        "after": first_after(clips, ids, moment),
        "others": showing(clips, [camera.pk for camera in scope.cameras if camera.pk not in ids], moment),
        "records": any(camera.recording and not camera.removed_at for camera in chosen),
    }
