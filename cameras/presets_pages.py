"""The part of the settings panel that is about presets, and about what was changed on the camera's body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras import presets, services
from cameras.leases import Held
from cameras.models import Camera
from cameras.pages import UNREACHED, SettingsPage, refusal
from cameras.presets import Compared, Comparison, NoPreset
from cameras.settings_form import SettingsForm, called, with_unit
from monitoring.naming import with_names
from monitoring.page import MESSAGE_LEVELS, is_htmx_request


@dataclass(frozen=True, slots=True)
class Line:
    """One setting of a comparison, as it is read: empty text where it is left to the camera, or not known."""

    label: str
    preset: str
    wished: str
    has: str
    differs: bool


def lines_of(camera: Camera, comparison: Comparison) -> list[Line]:
    return [line_of(camera, row) for row in comparison["results"]]


def line_of(camera: Camera, row: Compared) -> Line:
    name = row["name"]
    return Line(
        label=called(name),
        preset=with_unit(camera, name, row["preset"]),
        wished=with_unit(camera, name, row["desired"]),
        has=with_unit(camera, name, row["actual"]),
        differs=row["differs"],
    )


class PanelPage(SettingsPage):
    """Answers a script with the settings panel, anyone else with the camera's page and a sentence on it."""

    roles = {"POST": "operator"}
    place = ("preset_tone", "preset_sentence")
    """Where on the panel the sentence stands."""

    def outcome(
        self, camera: Camera, tone: str, sentence: str, status: int = 200, answer: dict[str, Any] | None = None
    ) -> HttpResponse:
        """`answer` is the camera's own, which the database may not have yet."""
        if is_htmx_request(self.request):
            camera.refresh_from_db()
            camera.read_back = (answer or {}).get("actual", camera.read_back)
            camera.differs = (answer or {}).get("differs", camera.differs)
            form = SettingsForm(camera, answered=answer is not None)
            return self._form(form, status, **dict(zip(self.place, (tone, sentence), strict=True)))
        messages.add_message(self.request, MESSAGE_LEVELS[tone], sentence)
        return redirect("camera", slug=camera.slug)

    def told(self, camera: Camera, answer: dict[str, Any], done: str) -> HttpResponse:
        """What a camera made of its new wish."""
        warnings = answer.get("warnings", [])
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", done)
        return self.outcome(camera, tone, sentence, answer=answer)

    def refused(self, camera: Camera, error: Exception) -> HttpResponse:
        if isinstance(error, Held):
            return self.outcome(camera, "bad", refusal(error, camera), 409)
        if isinstance(error, UNREACHED):
            return self.outcome(camera, "warn", f"Kept for when the camera opens. {refusal(error, camera)}")
        sentence = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        return self.outcome(camera, "bad", with_names(sentence, {camera.slug: camera.name}), 400)


class BodyPage(PanelPage):
    place = ("tone", "sentence")

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Wish for what the camera's body was changed to, or have the wish again."""
        camera = self.camera()
        try:
            if request.POST.get("do") == "adopt":
                return self.told(camera, services.adopt_settings(camera, self.actor), "What the camera has is wished.")
            return self.told(camera, services.set_settings(camera, {}, self.actor), "The camera has the wish again.")
        except (*UNREACHED, ValidationError) as error:
            return self.refused(camera, error)


class PresetsPage(PanelPage):
    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Save what is wished for now under a name."""
        camera, name = self.camera(), request.POST.get("name", "")
        try:
            preset = presets.save_preset(camera, name, None, self.actor)
        except ValidationError as error:
            return self.refused(camera, error)
        return self.outcome(camera, "ok", f"Saved as {preset.name}.")


class PresetPage(PanelPage):
    roles = {"GET": "viewer", "POST": "operator"}

    def get(self, request: HttpRequest, slug: str, name: str = "") -> HttpResponse:
        """The preset beside what is wished and what the camera has."""
        camera = self.camera()
        try:
            comparison = presets.compare_preset(camera, name)
        except NoPreset as error:
            raise Http404(str(error)) from None
        template = "cameras/_preset.html" if is_htmx_request(request) else "cameras/preset.html"
        context = {"camera": camera, "comparison": comparison, "compared": lines_of(camera, comparison)}
        return self.render(context, template)

    def post(self, request: HttpRequest, slug: str, name: str = "") -> HttpResponse:
        """Apply the preset, or delete it."""
        camera = self.camera()
        try:
            if request.POST.get("do") == "delete":
                presets.delete_preset(camera, name, self.actor)
                return self.outcome(camera, "ok", f"{name} is deleted. No camera's settings have changed.")
            return self.told(camera, presets.apply_preset(camera, name, self.actor), f"{name} is applied.")
        except NoPreset as error:
            raise Http404(str(error)) from None
        except (*UNREACHED, ValidationError) as error:
            return self.refused(camera, error)
