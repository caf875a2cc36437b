"""The form of a simulated camera's faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django import forms

from cameras.drivers.simulated.faults import Faults
from core.api.constraints import describe_allowed
from core.pages.forms import PageForm, UnitInput, same_message

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
