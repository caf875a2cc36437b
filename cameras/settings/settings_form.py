"""The form of a camera's settings, built from its capabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from cameras.models import Camera
from cameras.validation import checked_settings
from core.times.durations import InvalidExposure, exposure_readings, format_exposure, parse_exposure

NAMES = {
    "exposure_us": "Exposure",
    "gain": "Gain",
    "iso": "ISO",
    "f_number": "Aperture",
    "fps": "Frame rate",
    "width": "Width",
    "height": "Height",
    "white_balance_k": "White balance",
}
"""Labels; other settings are labelled with their own names."""
UNITS = {"exposure_us": "", "fps": "fps"}
"""Units that differ from the camera's."""
WAS = "was-"
"""The prefix of a setting's value as the form showed it."""
INVALID_VALUE = {True: "This camera does not offer it.", False: "This is not a number."}


@dataclass(slots=True)
class Field:
    """One setting: the desired value (`value`, as text), the camera's (`has`), the allowed `range`. With `free` the
    choices are suggestions, and other values may be typed. `stored` is the desired value in the row, `was` the value
    that the submitted form showed; a field that still has it was not edited."""

    name: str
    label: str
    unit: str
    value: str
    has: str
    range: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    free: bool = False
    read_only: bool = False
    stored: str = ""
    was: str | None = None
    error: str = ""
    just_answered: bool = False
    """Whether the camera has just answered to the desired value."""
    readings: list[str] = field(default_factory=list)
    """The possible meanings of an exposure without a unit."""

    @property
    def picked(self) -> bool:
        """Whether only the choices are allowed."""
        return bool(self.choices) and not self.free

    @property
    def differs_from_camera(self) -> bool:
        """Whether the camera's value differs from the field's."""
        return bool(self.has) and self.has != self.value

    @property
    def is_unsent(self) -> bool:
        """Whether the value was typed but not stored, because the form was refused."""
        return self.value != self.stored

    @property
    def is_warned_of(self) -> bool:
        """Whether the hint is a warning: the value was not sent, or the camera has another."""
        return self.is_unsent or bool(self.differs_from_camera and self.value)

    @property
    def hint(self) -> str:
        """The camera's value, where it differs, and the allowed range."""
        if not self.differs_from_camera:
            return self.range
        text = f"Camera {'took' if self.just_answered else 'has'} {self.has}"
        text = f"{text}; {self.range}" if self.range else f"{text} {self.unit}".rstrip()
        return f"Not sent. {text}" if self.is_unsent else text


class SettingsForm:
    """Our own form, not Django's: its fields, their ranges, units and choices come from the camera's capabilities, and
    a field shows the camera's value beside the desired one.

    `values` are the settings to store. An empty field leaves the setting to the camera. `answered`: the camera has just
    answered to the stored settings."""

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None, *, answered: bool = False) -> None:
        self.camera, self.answered = camera, answered
        self.allowed: dict[str, dict[str, Any]] = camera.capabilities.get("settings", {})
        self.fields = [self._field(name, limits, data) for name, limits in self.allowed.items()]
        self.values: dict[str, Any] = {}
        if data is not None:
            self._read()

    @property
    def valid(self) -> bool:
        return not any(found.error for found in self.fields)

    @property
    def error_count(self) -> int:
        return sum(bool(found.error) for found in self.fields)

    @property
    def first_invalid(self) -> Field | None:
        return next((found for found in self.fields if found.error), None)

    def _field(self, name: str, limits: dict[str, Any], data: Mapping[str, str] | None) -> Field:
        desired = format_value(name, self.camera.settings.get(name))
        return Field(
            name=name,
            stored=desired,
            was=data.get(f"{WAS}{name}") if data else None,
            label=setting_label(name),
            unit=unit_of(name, limits),
            value=desired if data is None else data.get(name, "").strip(),
            has=format_value(name, self.camera.read_back.get(name)),
            range=range_of(name, limits),
            choices=self._choices(name, limits),
            free=name == "exposure_us",
            just_answered=self.answered and bool(desired),
            read_only=bool(limits.get("read_only")),
        )

    def _choices(self, name: str, limits: dict[str, Any]) -> list[tuple[str, str]]:
        """The camera's choices, and the desired value where it is none of them: the camera uses its nearest."""
        desired, own = self.camera.settings.get(name), list(limits.get("choices") or ())
        found = [(format_value(name, choice), choice_label(name, choice)) for choice in own]
        if not own or desired is None or desired in own:
            return found
        return [(format_value(name, desired), f"{choice_label(name, desired)}, nearest"), *found]

    def _read(self) -> None:
        # Desired settings that this camera does not list are kept: a form that does not show them must not remove them.
        beyond = {name: value for name, value in self.camera.settings.items() if name not in self.allowed}
        for found in self.fields:
            self._read_field(found)
        if self.valid:
            self.values = beyond | self.values
            # Without a field there is no place for an error; `set_settings` checks the values again.
            if self.fields:
                self._check()

    def _read_field(self, found: Field) -> None:
        desired = self.camera.settings.get(found.name)
        # The stored value itself and not its text, which may be rounded. A field that still has the text that the form
        # showed (`was`) was not edited, so it does not undo what another user has set since.
        if desired is not None and found.value in {found.stored, found.was}:
            self.values[found.name] = desired
        if found.value in {"", found.stored, found.was} or found.read_only:
            return
        try:
            self.values[found.name] = parse_value(found, self.allowed[found.name])
        except InvalidExposure as error:
            found.error, found.readings = str(error), exposure_readings(found.value)
        except ValueError:
            found.error = f"{found.range} on this camera" if found.range else INVALID_VALUE[found.picked]

    def _check(self) -> None:
        """Check the values with the driver's model."""
        try:
            checked_settings(self.camera.kind, self.values)
        except ValidationError as error:
            by_name = {found.name: found for found in self.fields}
            for message in error.messages:
                # The form of `setting_sentence` in `cameras/validation.py`.
                name, _, text = message.partition(": ")
                by_name.get(name, self.fields[0]).error = text or message


def setting_label(name: str) -> str:
    """A setting's name as pages show it."""
    return NAMES.get(name, name.removesuffix("_s").removesuffix("_celsius").replace("_", " ").capitalize())


def unit_of(name: str, limits: Mapping[str, Any]) -> str:
    return UNITS.get(name, limits.get("unit") or "")


def with_unit(camera: Camera, name: str, value: Any) -> str:
    """A value with its unit; empty for None."""
    limits = camera.capabilities.get("settings", {}).get(name, {})
    text = format_value(name, value)
    return f"{text} {unit_of(name, limits)}".strip() if text else ""


def format_value(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "exposure_us":
        return format_exposure(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def choice_label(name: str, choice: Any) -> str:
    return format_value(name, choice).capitalize() if isinstance(choice, bool) else format_value(name, choice)


def range_of(name: str, limits: dict[str, Any]) -> str:
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is None or most is None:
        return ""
    if name == "exposure_us":
        return f"{format_exposure(least)} to {format_exposure(most)}"
    return f"{least:.10g} to {most:.10g} {unit_of(name, limits)}".strip()


def parse_value(found: Field, limits: dict[str, Any]) -> Any:
    """The value for the driver. ValueError when it is not valid or out of range."""
    # A select sends texts. The choice itself has the type that the driver needs.
    if found.picked:
        wanted = (
            next(c for c in limits["choices"] if format_value(found.name, c) == found.value)
            if is_offered(found)
            else None
        )
        if wanted is None:
            raise ValueError(found.value)
        return wanted
    value = parse_exposure(found.value) if found.name == "exposure_us" else parse_number(found.value)
    least, most = limits.get("minimum"), limits.get("maximum")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(found.value)
    return int(value) if float(value).is_integer() else value


def is_offered(found: Field) -> bool:
    return any(found.value == value for value, _ in found.choices)


def parse_number(text: str) -> float:
    """ValueError unless the text is a finite number. A decimal comma is allowed."""
    value = float(text.replace(",", "."))
    # `float` also reads nan and inf, and no comparison with a range refuses nan.
    if not math.isfinite(value):
        raise ValueError(text)
    return value
