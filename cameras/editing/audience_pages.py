"""The page on which a manager sets who may see a camera."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_page import CameraPage
from cameras.editing import services
from cameras.editing.audience_form import AudienceForm
from cameras.models import Camera
from cameras.resource import CameraChange
from core.pages.page import is_htmx_request


class AudiencePage(CameraPage):
    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/audience.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        return self._form(camera, AudienceForm.of(camera))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Open the camera to every user with a role, or restrict it to managers and the ticked users."""
        camera = self.camera()
        # The names that were sent count as listed: a user who became a manager since the form was opened is a valid
        # choice.
        form = AudienceForm(request.POST.getlist("audience"), request.POST)
        if not form.is_valid():
            return self._form(camera, form, status=400)
        try:
            services.change_camera(camera, CameraChange(**form.cleaned_data), self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._form(camera, form, status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        return self._form(camera, form, tone="ok", sentence="Saved. Open pages update within 5 s.")

    def _form(self, camera: Camera, form: AudienceForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_audience.html" if is_htmx_request(self.request) else self.template
        return self.render({"camera": camera, "form": form, **outcome}, template, status)
