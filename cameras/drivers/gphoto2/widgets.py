"""Our settings and the camera's widgets: which widget is which setting, and how a wanted value becomes a choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import SettingRange
from cameras.drivers.gphoto2.choices import (
    choose_format,
    nearest,
    parse_capture_target,
    parse_exposure_us,
    parse_f_number,
    parse_iso,
    stops,
)

LABELS = {"exposure_us": "exposure time", "f_number": "f-number", "iso": "ISO"}
SAME_STOPS = 0.01
"""Values this near are the same setting in two spellings: 333333 µs and 1/3."""


@dataclass(frozen=True, slots=True)
class Widget:
    """What the camera says of one of its settings, now. Only choices can be set, so no choices is read only."""

    value: str
    choices: list[str]
    read_only: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One of our settings. `widgets` are the names it goes by, the most exact first."""

    widgets: tuple[str, ...]
    unit: str
    parse: Callable[[str], Any]
    choose: Callable[[Widget, Any], str | None]
    same: Callable[[Any, Any], bool]
    say: Callable[[Any], str]

    def range_of(self, widget: Widget) -> SettingRange:
        values = {value for choice in widget.choices if (value := self.parse(choice)) is not None}
        numbers = [value for value in values if not isinstance(value, str)]
        return SettingRange(
            unit=self.unit,
            minimum=min(numbers, default=None),
            maximum=max(numbers, default=None),
            choices=sorted(values),
            read_only=widget.read_only,
        )


def _numeric(widgets: tuple[str, ...], unit: str, parse: Callable[[str], Any], say: Callable[[Any], str]) -> Setting:
    return Setting(
        widgets=widgets,
        unit=unit,
        parse=parse,
        choose=lambda widget, wanted: nearest(widget.choices, wanted, parse),
        same=lambda wanted, got: got is not None and stops(wanted, got) <= SAME_STOPS,
        say=say,
    )


def _choose_target(widget: Widget, wanted: str) -> str | None:
    return next((choice for choice in widget.choices if parse_capture_target(choice) == wanted), None)


SETTINGS = {
    "exposure_us": _numeric(
        ("shutterspeed2", "shutterspeed"), "µs", parse_exposure_us, lambda us: f"{us / 1_000_000:g} s"
    ),
    "f_number": _numeric(("f-number", "aperture"), "", parse_f_number, lambda f_number: f"f/{f_number:g}"),
    "iso": _numeric(("iso",), "", parse_iso, lambda iso: f"ISO {iso}"),
    "format": Setting(
        widgets=("imageformat", "imagequality"),
        unit="",
        parse=str,
        choose=lambda widget, wanted: choose_format(widget.choices, widget.value, wanted),
        same=lambda _wanted, got: got is not None,
        say=str,
    ),
    "capture_target": Setting(
        widgets=("capturetarget",),
        unit="",
        parse=parse_capture_target,
        choose=_choose_target,
        same=lambda wanted, got: bool(wanted == got),
        say=str,
    ),
}


def say(name: str, value: Any) -> str:
    """A value in words: `8 s`, `f/2.8`, `ISO 100`."""
    return SETTINGS[name].say(value) if name in SETTINGS else f"{value:g}"


def label(name: str) -> str:
    """A setting in words: `exposure time`, `capture target`."""
    return LABELS.get(name, name.replace("_", " "))
