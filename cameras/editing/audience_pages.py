"""The page on which a manager sets who may see a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.audience.service import audience_of
from cameras.camera_page import CameraPage
from cameras.editing import services
from cameras.models import Camera
from core.pages.page import is_htmx_request


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: str
    listed: bool


def people(listed: list[str]) -> list[Person]:
    """The users whom a restriction concerns: viewers, operators, and everyone who is listed already."""
    users = get_user_model().objects.order_by("username")
    rows = [Person(user.get_username(), user.role, user.get_username() in listed) for user in users]
    return [one for one in rows if one.role in {"viewer", "operator"} or one.listed]


class AudiencePage(CameraPage):
    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/audience.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        return self._form(camera, audience_of(camera))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Open the camera to every user with a role, or restrict it to managers and the ticked users."""
        camera = self.camera()
        listed, restricted = request.POST.getlist("audience"), request.POST.get("restricted") == "yes"
        try:
            camera = services.change_camera(camera, {"restricted": restricted, "audience": listed}, self.actor)
        except ValidationError as error:
            camera.restricted = restricted
            return self._form(camera, listed, status=400, tone="bad", sentence=" ".join(error.messages))
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        return self._form(camera, listed, tone="ok", sentence="Saved. Open pages update within 5 s.")

    def _form(self, camera: Camera, listed: list[str], status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_audience.html" if is_htmx_request(self.request) else self.template
        return self.render({"camera": camera, "people": people(listed), **outcome}, template, status)
