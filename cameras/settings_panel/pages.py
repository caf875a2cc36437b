"""The panel of a camera's settings, with its presets and the changes on its body."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_page import CameraPage, refusal
from cameras.errors import UNREACHED
from cameras.leases.lease_holders import LeaseHeld
from cameras.models import Camera
from cameras.presets.service import presets_for
from cameras.settings.service import set_settings
from cameras.settings.settings_form import SettingsForm, setting_label, with_unit
from cameras.settings_panel.preset_form import PresetForm
from core.pages.page import is_htmx_request


class SettingsPage(CameraPage):
    roles = {"GET": "viewer", "POST": "operator"}
    template = "cameras/settings.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._form(SettingsForm(self.camera()))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set these settings, and show what the camera accepted."""
        camera = self.camera()
        form = SettingsForm(camera, request.POST)
        if not form.valid:
            return self._form(form, status=400)
        try:
            warnings = self._set(camera, form)
        # Before UNREACHED, which contains its base class: here nothing was stored, there everything was.
        except LeaseHeld as error:
            return self._form(form, tone="bad", sentence=f"Nothing was sent. {refusal(error, camera)}", status=409)
        except UNREACHED as error:
            kept = f"Stored until the camera connects. {refusal(error, camera)}"
            return self._form(SettingsForm(camera), tone="warn", sentence=kept)
        except ValidationError as error:
            return self._form(form, tone="bad", sentence=refusal(error, camera), status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", "The camera has applied the settings.")
        return self._form(SettingsForm(camera, answered=True), tone=tone, sentence=sentence)

    def _set(self, camera: Camera, form: SettingsForm) -> list[str]:
        answer = set_settings(camera, form.values, self.actor, replace=True)
        camera.refresh_from_db()
        # The answer is newer than the row, into which the camera's host writes the reading on another thread.
        camera.read_back, camera.differs = answer["actual"], answer["differs"]
        return answer["warnings"]

    def _form(self, form: SettingsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_settings.html" if is_htmx_request(self.request) else self.template
        return self.render({**panel_context(form), **outcome}, template, status)


def panel_context(form: SettingsForm) -> dict[str, Any]:
    """The template context of the settings panel."""
    camera = form.camera
    return {
        "form": form,
        "camera": camera,
        "presets": presets_for(camera),
        "preset_form": PresetForm(),
        "changes": body_change_rows(camera),
    }


def body_change_rows(camera: Camera) -> list[dict[str, str]]:
    """The changes on the camera's body, formatted."""
    return [
        {
            "label": setting_label(one["name"]),
            "has": with_unit(camera, one["name"], one["has"]),
            "desired": with_unit(camera, one["name"], one["wished"]),
        }
        for one in camera.body_changes
    ]
