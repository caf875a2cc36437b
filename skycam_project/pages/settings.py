"""The page of settings that a manager can change while the station runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.models import Clip
from captures.roots.models import StorageClass
from captures.roots.roots import assigned_root
from core.pages.page import Page, message_response
from skycam_project.pages.settings_form import StationSettingsForm


@dataclass(frozen=True, slots=True)
class VideoFolder:
    """Where this host's clips go: `path` is empty before its first start, `desired` where VIDEO_PATH is not
    followed."""

    host: str
    path: str
    clips: int
    origin: str
    desired: str


def video_folder() -> VideoFolder:
    station = settings.STATION
    root = assigned_root(station.host, StorageClass.CLIPS)
    path = root.path if root else ""
    desired = str(station.video_path.resolve()) if station.video_path else ""
    return VideoFolder(
        host=station.host,
        path=path,
        clips=Clip.objects.filter(root=root).count() if root else 0,
        origin=station.origin(("video_path",)),
        desired=desired if desired != path else "",
    )


class StationSettingsPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "settings.html"

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._form(StationSettingsForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = StationSettingsForm(request.POST.dict())
        if not form.save(self.actor):
            return self._form(form, 400)
        if form.changes:
            message_response(request, "ok", saved_sentence(form.changes))
        return redirect("station-settings")

    def _form(self, form: StationSettingsForm, status: int = 200) -> HttpResponse:
        return self.render({"form": form, "video": video_folder()}, status=status)


def saved_sentence(changes: Iterable[str]) -> str:
    runs = " Runs that have not begun are planned again within a minute." if any(map(is_site, changes)) else ""
    return f"Saved. All parts of the station use it within two seconds.{runs}"


def is_site(key: str) -> bool:
    return key.startswith("site.")
