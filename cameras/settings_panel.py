"""The panel of a camera's settings: its form, its presets, and the changes on the camera's body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_view import CameraPage, refusal
from cameras.errors import UNREACHED
from cameras.leases import LeaseHeld
from cameras.models import Camera, preset_name_validator
from cameras.runtime.messages import Reading
from cameras.settings import presets
from cameras.settings.presets import ComparedSetting, Comparison, NoPreset, presets_for
from cameras.settings.service import adopt_settings, set_settings
from cameras.settings.settings_form import SettingsForm, setting_label, with_unit
from core.pages import MESSAGE_LEVELS, PageForm, is_htmx_request, same_message


class PresetForm(PageForm):
    ids = "preset-%s"
    name = forms.CharField(
        max_length=60, widget=forms.TextInput(attrs={"placeholder": "Name", "aria-label": "Name of a new preset"}),
        error_messages=same_message(str(preset_name_validator.message)),
    )  # fmt: skip

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        preset_name_validator(name)
        return name


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


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One setting of a comparison, formatted; empty where it is left to the camera or unknown."""

    label: str
    preset: str
    desired: str
    has: str
    differs: bool


def comparison_rows(camera: Camera, comparison: Comparison) -> list[ComparisonRow]:
    return [comparison_row(camera, row) for row in comparison.results]


def comparison_row(camera: Camera, row: ComparedSetting) -> ComparisonRow:
    name = row.name
    return ComparisonRow(
        label=setting_label(name),
        preset=with_unit(camera, name, row.preset),
        desired=with_unit(camera, name, row.desired),
        has=with_unit(camera, name, row.actual),
        differs=row.differs,
    )


class PanelPage(SettingsPage):
    """Answers a partial request with the settings panel, others with the camera's page and a message."""

    roles = {"POST": "operator"}
    message_slots = ("preset_tone", "preset_sentence")
    """The template variables of the message on the panel."""

    def outcome(
        self, camera: Camera, tone: str, sentence: str, status: int = 200, answer: Reading | None = None
    ) -> HttpResponse:
        """`answer` is the camera's, which may not be in the database yet."""
        if is_htmx_request(self.request):
            camera.refresh_from_db()
            if answer is not None:
                camera.read_back, camera.differs = answer["actual"], answer["differs"]
            form = SettingsForm(camera, answered=answer is not None)
            return self._form(form, status, **dict(zip(self.message_slots, (tone, sentence), strict=True)))
        messages.add_message(self.request, MESSAGE_LEVELS[tone], sentence)
        return redirect("camera", slug=camera.slug)

    def settings_outcome(self, camera: Camera, answer: Reading, done: str) -> HttpResponse:
        """The result of new settings, with the camera's warnings."""
        warnings = answer["warnings"]
        tone, sentence = ("warn", " ".join(warnings)) if warnings else ("ok", done)
        return self.outcome(camera, tone, sentence, answer=answer)

    def refusal_outcome(self, camera: Camera, error: Exception) -> HttpResponse:
        # Before UNREACHED, which contains its base class: here nothing was stored, there everything was.
        if isinstance(error, LeaseHeld):
            return self.outcome(camera, "bad", refusal(error, camera), 409)
        if isinstance(error, UNREACHED):
            return self.outcome(camera, "warn", f"Stored until the camera connects. {refusal(error, camera)}")
        return self.outcome(camera, "bad", refusal(error, camera), 400)


class BodyPage(PanelPage):
    message_slots = ("tone", "sentence")

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Adopt what was changed on the camera's body, or apply the desired settings again."""
        camera = self.camera()
        try:
            if request.POST.get("do") == "adopt":
                return self.settings_outcome(
                    camera,
                    adopt_settings(camera, self.actor),
                    "The values on the camera are now the desired settings.",
                )
            # No setting is changed, but all that are desired are sent to the camera.
            return self.settings_outcome(
                camera, set_settings(camera, {}, self.actor), "The desired settings were applied again."
            )
        except (*UNREACHED, ValidationError) as error:
            return self.refusal_outcome(camera, error)


class PresetsPage(PanelPage):
    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Save the desired settings as a preset."""
        camera, form = self.camera(), PresetForm(request.POST)
        if not form.is_valid():
            return self._name_refused(camera, form)
        try:
            preset = presets.save_preset(camera, form.cleaned_data["name"], None, self.actor)
        except ValidationError as error:
            if "name" not in getattr(error, "error_dict", {}):
                return self.refusal_outcome(camera, error)
            form.add_errors(error)
            return self._name_refused(camera, form)
        return self.outcome(camera, "ok", f"Saved as {preset.name}.")

    def _name_refused(self, camera: Camera, form: PresetForm) -> HttpResponse:
        """The error at the name's field; without a script the page after the redirect shows it as a message."""
        if is_htmx_request(self.request):
            return self._form(SettingsForm(camera), 400, preset_form=form)
        return self.outcome(camera, "bad", " ".join(map(str, form.errors["name"])))


class PresetPage(PanelPage):
    roles = {"GET": "viewer", "POST": "operator"}

    def get(self, request: HttpRequest, slug: str, name: str = "") -> HttpResponse:
        """The preset beside the desired and the actual settings."""
        camera = self.camera()
        try:
            comparison = presets.compare_preset(camera, name)
        except NoPreset as error:
            raise Http404(str(error)) from None
        template = "cameras/_preset.html" if is_htmx_request(request) else "cameras/preset.html"
        context = {"camera": camera, "comparison": comparison, "compared": comparison_rows(camera, comparison)}
        return self.render(context, template)

    def post(self, request: HttpRequest, slug: str, name: str = "") -> HttpResponse:
        """Apply the preset, or delete it."""
        camera = self.camera()
        try:
            if request.POST.get("do") == "delete":
                presets.delete_preset(camera, name, self.actor)
                return self.outcome(camera, "ok", f"{name} was deleted. No camera settings changed.")
            return self.settings_outcome(camera, presets.apply_preset(camera, name, self.actor), f"{name} was applied.")
        except NoPreset as error:
            raise Http404(str(error)) from None
        except (*UNREACHED, ValidationError) as error:
            return self.refusal_outcome(camera, error)
