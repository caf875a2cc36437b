"""The form of a camera's settings, made from what the camera said it can do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from cameras.models import Camera
from cameras.validation import checked_settings
from core.durations import InvalidExposure, exposure_readings, format_exposure, parse_exposure

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
"""Every other setting reads as it is called."""
UNITS = {"exposure_us": "", "fps": "fps"}
"""Where the form's unit is not the camera's."""
WAS = "was-"
"""Before the name of a setting: as the form showed it."""
NOT_ONE = {True: "This camera does not offer it.", False: "This is not a number."}


@dataclass(slots=True)
class Field:
    """One setting: what is wished for (`value`, as text), what the camera has (`has`), what it can (`range`). `free`:
    the choices are suggestions, for another value may be written as well. `stored` is the wish as the row has it, `was`
    as the form that is read showed it: what is still that, nobody has touched."""

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
    took: bool = False
    """Whether the camera has just answered to what is wished."""
    readings: list[str] = field(default_factory=list)
    """What an exposure without a unit may mean, to choose from."""

    @property
    def picked(self) -> bool:
        """Whether it is one of the choices, and nothing else."""
        return bool(self.choices) and not self.free

    @property
    def taken_otherwise(self) -> bool:
        """Whether the camera has something else than what stands in the field."""
        return bool(self.has) and self.has != self.value

    @property
    def unsent(self) -> bool:
        """Whether it was typed and is not stored: the form was refused."""
        return self.value != self.stored

    @property
    def hint(self) -> str:
        """What the camera has, where that is something else, and what it can."""
        if not self.taken_otherwise:
            return self.range
        said = f"Camera {'took' if self.took else 'has'} {self.has}"
        said = f"{said}; {self.range}" if self.range else f"{said} {self.unit}".rstrip()
        return f"Not sent. {said}" if self.unsent else said


class SettingsForm:
    """`values` are the settings to wish for. Empty means: as the camera has it. `answered`: the camera has just
    answered to what is stored."""

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
    def to_mend(self) -> int:
        return sum(bool(found.error) for found in self.fields)

    @property
    def first_wrong(self) -> Field | None:
        return next((found for found in self.fields if found.error), None)

    def _field(self, name: str, limits: dict[str, Any], data: Mapping[str, str] | None) -> Field:
        wished = shown(name, self.camera.settings.get(name))
        return Field(
            name=name,
            stored=wished,
            was=data.get(f"{WAS}{name}") if data else None,
            label=called(name),
            unit=unit_of(name, limits),
            value=wished if data is None else data.get(name, "").strip(),
            has=shown(name, self.camera.read_back.get(name)),
            range=range_of(name, limits),
            choices=self._choices(name, limits),
            free=name == "exposure_us",
            took=self.answered and bool(wished),
            read_only=bool(limits.get("read_only")),
        )

    def _choices(self, name: str, limits: dict[str, Any]) -> list[tuple[str, str]]:
        """The camera's own, and what is wished for where it is none of them: the camera has its nearest."""
        wished, own = self.camera.settings.get(name), list(limits.get("choices") or ())
        found = [(shown(name, choice), label(name, choice)) for choice in own]
        if not own or wished is None or wished in own:
            return found
        return [(shown(name, wished), f"{label(name, wished)}, nearest"), *found]

    def _read(self) -> None:
        beyond = {name: value for name, value in self.camera.settings.items() if name not in self.allowed}
        for found in self.fields:
            self._read_field(found)
        if self.valid:
            self.values = beyond | self.values
            self._check()

    def _read_field(self, found: Field) -> None:
        wished = self.camera.settings.get(found.name)
        if wished is not None and found.value in {found.stored, found.was}:
            self.values[found.name] = wished
        if found.value in {"", found.stored, found.was} or found.read_only:
            return
        try:
            self.values[found.name] = parsed(found, self.allowed[found.name])
        except InvalidExposure as error:
            found.error, found.readings = str(error), exposure_readings(found.value)
        except ValueError:
            found.error = f"{found.range} on this camera" if found.range else NOT_ONE[found.picked]

    def _check(self) -> None:
        """As the driver's own model says."""
        try:
            checked_settings(self.camera.kind, self.values)
        except ValidationError as error:
            by_name = {found.name: found for found in self.fields}
            for message in error.messages:
                name, _, text = message.partition(": ")
                by_name.get(name, self.fields[0]).error = text or message


def called(name: str) -> str:
    """A setting's name as people read it."""
    return NAMES.get(name, name.removesuffix("_s").removesuffix("_celsius").replace("_", " ").capitalize())


def unit_of(name: str, limits: Mapping[str, Any]) -> str:
    return UNITS.get(name, limits.get("unit") or "")


def with_unit(camera: Camera, name: str, value: Any) -> str:
    """A value of a setting as people read it; empty for None."""
    limits = camera.capabilities.get("settings", {}).get(name, {})
    text = shown(name, value)
    return f"{text} {unit_of(name, limits)}".strip() if text else ""


def shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "exposure_us":
        return format_exposure(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def label(name: str, choice: Any) -> str:
    return shown(name, choice).capitalize() if isinstance(choice, bool) else shown(name, choice)


def range_of(name: str, limits: dict[str, Any]) -> str:
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is None or most is None:
        return ""
    if name == "exposure_us":
        return f"{format_exposure(least)} to {format_exposure(most)}"
    return f"{least:.10g} to {most:.10g} {unit_of(name, limits)}".strip()


def parsed(found: Field, limits: dict[str, Any]) -> Any:
    """The value as the driver takes it. ValueError when it is no such value, or out of range."""
    if found.picked:
        wanted = next(c for c in limits["choices"] if shown(found.name, c) == found.value) if known(found) else None
        if wanted is None:
            raise ValueError(found.value)
        return wanted
    value = parse_exposure(found.value) if found.name == "exposure_us" else number(found.value)
    least, most = limits.get("minimum"), limits.get("maximum")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(found.value)
    return int(value) if float(value).is_integer() else value


def known(found: Field) -> bool:
    return any(found.value == value for value, _ in found.choices)


def number(text: str) -> float:
    """ValueError for what is no finite number. A comma may stand for the point."""
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value
