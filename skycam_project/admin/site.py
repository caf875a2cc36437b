"""The Django admin of a station: it shows the archive to managers, and changes it only through services."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, re_path

from cameras.models import Camera
from captures.capturing.models import Capture
from captures.experiments.models import Experiment
from captures.recordings.clips.models import Clip
from captures.roots.models import StorageRoot
from captures.sessions.models import Session
from captures.storage.archives.models import Archive
from core.jobs.models import Job
from skycam_project.admin.cleanup import show_cleanup
from skycam_project.admin.models.captures import CaptureAdmin
from skycam_project.admin.models.clips import ClipAdmin
from skycam_project.admin.models.experiments import ArchiveAdmin, ExperimentAdmin, SessionAdmin
from skycam_project.admin.models.station import CameraAdmin, JobAdmin, StorageRootAdmin

MODELS = {
    Clip: ClipAdmin,
    Capture: CaptureAdmin,
    Session: SessionAdmin,
    Experiment: ExperimentAdmin,
    Archive: ArchiveAdmin,
    Job: JobAdmin,
    Camera: CameraAdmin,
    StorageRoot: StorageRootAdmin,
}
"""Model -> its admin, in the order of the first page. Users have our own page; groups have no effect on a station."""


class ArchiveAdminSite(AdminSite):
    """Only the pages of MODELS: no search by autocompletion, no redirects by content types, no password form."""

    site_title = site_header = index_title = "Archive admin"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return super().has_permission(request) and user.may("manager")

    def get_urls(self) -> list[URLResolver | URLPattern]:
        found: list[URLResolver | URLPattern] = [
            path("", self.admin_view(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.admin_view(self.logout), name="logout"),
            path("cleanup/", self.admin_view(self.cleanup), name="cleanup"),
        ]
        for model, model_admin in self._registry.items():
            options = model._meta
            found.append(path(f"{options.app_label}/{options.model_name}/", include(model_admin.urls)))
        found.append(re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)))
        return found

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """None: `index` has a list of its own, without pages of apps."""
        return []

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        models = [model_admin.opts for model_admin in self._registry.values()]
        return TemplateResponse(request, "admin/index.html", {**self.each_context(request), "models": models})

    def cleanup(self, request: HttpRequest) -> HttpResponse:
        return show_cleanup(request, self.each_context(request))


def make_site() -> ArchiveAdminSite:
    found = ArchiveAdminSite()
    for model, model_admin in MODELS.items():
        found.register(model, model_admin)
    return found


SITE = make_site()
