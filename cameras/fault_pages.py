"""The page of a simulated camera's faults, and its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cameras.camera_view import CameraPage, refusal
from cameras.drivers.simulated.faults import Faults
from cameras.errors import UNREACHED
from cameras.faults import read_faults, set_faults
from cameras.models import Camera
from core.api.model import describe_allowed
from core.pages import PageForm, UnitInput, is_htmx_request, same_message

PROPERTIES = Faults.model_json_schema()["properties"]
DECIMAL = {"inputmode": "decimal", "placeholder": "off"}


def rule(name: str) -> str:
    """What is allowed, as the driver's model says it."""
    return f"Write {describe_allowed(PROPERTIES[name])}."


class NumberField(forms.FloatField):
    """A fault with a number; a decimal comma is allowed. Empty: off."""

    def __init__(self, name: str, label: str, unit: str, hint: str) -> None:
        messages, widget = same_message(rule(name)), UnitInput(unit, DECIMAL)
        super().__init__(label=label, required=False, widget=widget, help_text=hint, error_messages=messages)

    def to_python(self, value: Any) -> Any:
        number = super().to_python(str(value or "").replace(",", "."))
        # The model is strict and does not accept 2.0 where it needs a whole number.
        return int(number) if number is not None and number.is_integer() else number


class SwitchField(forms.TypedChoiceField):
    """A fault that is on or off."""

    def __init__(self, label: str, hint: str) -> None:
        super().__init__(
            label=label, choices=[("", "off"), ("on", "on")], coerce=bool, required=False, help_text=hint,
            error_messages=same_message("Choose on or off."),
        )  # fmt: skip


class FaultsForm(PageForm):
    """`faults` are the requested faults of a valid form. The driver's model says which numbers are allowed."""

    ids = "fault-%s"
    faults: Faults
    hang = NumberField("hang", "Hang", "times", "the next picture never arrives")
    crash = NumberField("crash", "Crash", "times", "the next picture crashes the process")
    disconnect = SwitchField("Unplugged", "until turned off")
    slow = NumberField("slow", "Slow", "s", "added to each picture")
    torn_frame = NumberField("torn_frame", "Torn frames", "pictures", "the lower half is corrupt")
    rejected_setting = SwitchField("Rejected settings", "new settings are refused")
    wrong_clock = NumberField("wrong_clock", "Clock offset", "s", "ahead; negative: behind")
    temperature = NumberField("temperature", "Temperature", "°C", "of the sensor")

    def __init__(self, data: Mapping[str, Any] | None = None, active: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={name: format_value(value) for name, value in (active or {}).items()})

    def clean(self) -> dict[str, Any]:
        # 0 stays: it is a temperature.
        given = {name: value for name, value in self.cleaned_data.items() if value not in {None, ""}}
        try:
            self.faults = Faults.model_validate(given)
        except pydantic.ValidationError as error:
            for name in sorted({str(item["loc"][0]) for item in error.errors()}):
                self.add_error(name, rule(name))
        return self.cleaned_data


def format_value(value: Any) -> str:
    if value is True:
        return "on"
    return f"{value:g}" if isinstance(value, float) else str(value)


class FaultsPage(CameraPage):
    """The faults of a simulated camera. Other cameras have no such page."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "cameras/faults.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            form = FaultsForm(active=read_faults(camera))
        except UNREACHED as error:
            return self._form(camera, FaultsForm(), tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            raise Http404(" ".join(error.messages)) from None
        return self._form(camera, form)

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set the faults that are filled in, clear the others, and show which are on."""
        camera = self.camera()
        # The button that clears sends the fields, too: an invalid one must not prevent it.
        form = FaultsForm({} if request.POST.get("do") == "clear" else request.POST)
        if not form.is_valid():
            return self._form(camera, form, status=400)
        try:
            found = set_faults(camera, form.faults, self.actor)
        except UNREACHED as error:
            return self._form(camera, form, tone="bad", sentence=refusal(error, camera))
        except ValidationError as error:
            return self._form(camera, form, tone="bad", sentence=refusal(error, camera), status=400)
        if not is_htmx_request(request):
            return redirect("camera", slug=slug)
        said = "The faults apply from the next picture." if found else "All faults are off."
        return self._form(camera, FaultsForm(active=found), tone="ok", sentence=said)

    def _form(self, camera: Camera, form: FaultsForm, status: int = 200, **outcome: Any) -> HttpResponse:
        template = "cameras/_faults.html" if is_htmx_request(self.request) else self.template
        return self.render({"faults": form, "camera": camera, **outcome}, template, status)
