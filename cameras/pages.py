"""The page of all cameras, with discovery and the form that adds one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_display import CameraDisplay, camera_displays
from cameras.discovery.service import discover_cameras, host_names
from cameras.editing.add_form import AddForm
from cameras.models import Camera
from cameras.selectors import cameras_for
from core.broker.broker import BrokerDown
from core.pages.page import Page, is_htmx_request


class CamerasPage(Page):
    """The list of cameras, and the form that adds one, by hand or from discovery."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/cameras.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_page(AddForm(hosts=host_names()))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddForm(request.POST, host_names())
        camera = form.save(self.actor)
        if is_htmx_request(request):
            return self._row(form, camera)
        return self.render_page(form, status=400) if camera is None else redirect("camera", slug=camera.slug)

    def render_page(self, form: AddForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({"form": form, "displays": self.displays(), "hosts": host_names(), **more}, status=status)

    def displays(self) -> list[CameraDisplay]:
        return camera_displays(cameras_for(self.request.user))

    def _row(self, form: AddForm, camera: Camera | None) -> HttpResponse:
        """The discovered camera's row, with the result of adding it."""
        # The results of a discovery are stored nowhere: the row's form sends back what the row shows.
        names = ("host", "kind", "label", "address", "name", "model", "serial", "held_by")
        one: dict[str, Any] = {name: form.data.get(name, "") for name in names}
        one |= {"suggested": form.data.get("slug", ""), "camera": camera.slug if camera else None}
        added = {"added": camera, "displays": self.displays()} if camera else {}
        answer = self.render({"one": one, "error": form.error_line, **added}, "cameras/_found_camera.html")
        if camera:
            answer.headers["HX-Trigger"] = "acted"
        return answer


class DiscoverPage(CamerasPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Discover cameras on all hosts; a partial request gets only the results."""
        try:
            found: dict[str, Any] = {"found": discover_cameras()}
        except BrokerDown as error:
            found = {"trouble": str(error)}
        if is_htmx_request(request):
            return self.render({"hosts": host_names(), **found}, "cameras/_found.html")
        return self.render_page(AddForm(hosts=host_names()), **found)
