"""Pages of cameras as rows and devices: connect, disconnect, settings. What they capture is a matter of captures."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras import services
from cameras.broker import BrokerDown
from cameras.control import ControlError
from cameras.faces import LOOKS
from cameras.models import Camera
from cameras.selectors import camera_for
from cameras.settings_form import SettingsForm
from monitoring.page import Page, is_part, said

UNREACHED = (ControlError, BrokerDown)
"""What keeps a command from a camera. Each says in a sentence what to do."""


class CameraPage(Page):
    """A page of the camera that the address names."""

    def camera(self) -> Camera:
        """404 also when the user may not see it."""
        try:
            return camera_for(self.request.user, self.kwargs["slug"])
        except Camera.DoesNotExist:
            raise Http404 from None


class ConnectPage(CameraPage):
    roles = {"POST": "operator"}
    connected = True

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Wish the camera connected (or not), and say what came of it."""
        camera = self.camera()
        try:
            services.set_connected(camera, self.connected, self.actor)
            observed = services.reconcile(camera)["observed"]
        except UNREACHED as error:
            return said(request, "bad", str(error))
        return said(request, "ok", f"{camera.name}: {LOOKS[observed].word.lower()}.")


class SettingsPage(CameraPage):
    roles = {"GET": "viewer", "POST": "operator"}
    template = "cameras/settings.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(SettingsForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Wish for these settings, and show what the camera really took."""
        camera = self.camera()
        form = SettingsForm(camera, request.POST)
        if not form.valid:
            return self._form(form, status=400)
        try:
            warnings = self._set(camera, form)
        except UNREACHED as error:
            return self._form(form, tone="warn", sentence=f"Kept for when the camera opens. {error}")
        except ValidationError as error:
            return self._form(form, tone="bad", sentence=" ".join(error.messages), status=400)
        if not is_part(request):
            return redirect("camera", slug=slug)
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", "The camera has taken it.")
        return self._form(SettingsForm(camera), tone=tone, sentence=sentence)

    def _set(self, camera: Camera, form: SettingsForm) -> list[str]:
        answer = services.set_settings(camera, form.values, self.actor, replace=True)
        camera.refresh_from_db()
        camera.read_back = answer.get("actual", camera.read_back)
        return list(answer.get("warnings", []))

    def _form(self, form: SettingsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_settings.html" if is_part(self.request) else self.template
        return self.render({"form": form, "camera": form.camera, **outcome}, template, status)
