"""The mapping of our settings to the camera's widgets, and of requested values to choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cameras.drivers.base import SettingRange
from cameras.drivers.gphoto2.choices import (
    LONGEST_US,
    choose_format,
    closest,
    is_bulb,
    nearest,
    parse_capture_target,
    parse_ev,
    parse_exposure_us,
    parse_f_number,
    parse_iso,
    stops,
)
from core.times.durations import format_exposure

LABELS = {"exposure_us": "exposure time", "f_number": "f-number", "iso": "ISO"}
SAME_STOPS = 0.01
"""Values this close are the same setting written in two ways: 333333 µs and 1/3."""
SAME_EV = 0.05


@dataclass(frozen=True, slots=True)
class Widget:
    """The current state of one of the camera's settings. Only choices can be set, so a widget without choices is
    read-only."""

    value: str
    choices: list[str]
    read_only: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One of our settings. `widgets` are the names of its widgets, the most exact first."""

    widgets: tuple[str, ...]
    unit: str
    parse: Callable[[str], Any]
    choose: Callable[[Widget, Any], str | None]
    same: Callable[[Any, Any], bool]
    describe: Callable[[Any], str]

    def range_of(self, widget: Widget) -> SettingRange:
        values = {value for choice in widget.choices if (value := self.parse(choice)) is not None}
        numbers = [value for value in values if not isinstance(value, str)]
        return SettingRange(
            unit=self.unit,
            minimum=min(numbers, default=None),
            # Bulb is a choice without a number; the driver times it itself.
            maximum=LONGEST_US if any(map(is_bulb, widget.choices)) else max(numbers, default=None),
            choices=sorted(values),
            read_only=widget.read_only,
        )


def _numeric(
    widgets: tuple[str, ...], unit: str, parse: Callable[[str], Any], describe: Callable[[Any], str]
) -> Setting:
    return Setting(
        widgets=widgets,
        unit=unit,
        parse=parse,
        choose=lambda widget, wanted: nearest(widget.choices, wanted, parse),
        same=lambda wanted, got: got is not None and stops(wanted, got) <= SAME_STOPS,
        describe=describe,
    )


def _choose_exposure(widget: Widget, wanted: int) -> str | None:
    """Bulb if the requested time is longer than any other choice."""
    near = nearest(widget.choices, wanted, parse_exposure_us)
    bulb = next(filter(is_bulb, widget.choices), None)
    longest_us = max((us for choice in widget.choices if (us := parse_exposure_us(choice))), default=0)
    # SAME_STOPS apart: cameras write the nominal 30 s in more than one way, and bulb must not be used for it.
    too_long = not longest_us or (wanted > longest_us and stops(wanted, longest_us) > SAME_STOPS)
    return bulb if bulb and too_long else near


def _choose_target(widget: Widget, wanted: str) -> str | None:
    return next((choice for choice in widget.choices if parse_capture_target(choice) == wanted), None)


SETTINGS = {
    "exposure_us": replace(
        # Nikon has both: `shutterspeed2` with exact fractions, `shutterspeed` with rounded decimals of the same times.
        _numeric(("shutterspeed2", "shutterspeed"), "µs", parse_exposure_us, format_exposure),
        choose=_choose_exposure,
    ),
    "f_number": _numeric(("f-number", "aperture"), "", parse_f_number, lambda f_number: f"f/{f_number:g}"),
    "iso": _numeric(("iso",), "", parse_iso, lambda iso: f"ISO {iso}"),
    "exposure_compensation": Setting(
        widgets=("exposurecompensation", "exposurecompensation2"),
        unit="EV",
        parse=parse_ev,
        choose=lambda widget, wanted: closest(widget.choices, wanted, parse_ev),
        same=lambda wanted, got: got is not None and abs(wanted - got) <= SAME_EV,
        describe=lambda ev: f"{ev:+g} EV",
    ),
    "format": Setting(
        widgets=("imageformat", "imagequality"),
        unit="",
        parse=str,
        choose=lambda widget, wanted: choose_format(widget.choices, widget.value, wanted),
        # `choose_format` has compared the kinds of file; the names differ (`raw`, `NEF (Raw)`).
        same=lambda _wanted, got: got is not None,
        describe=str,
    ),
    "capture_target": Setting(
        widgets=("capturetarget",),
        unit="",
        parse=parse_capture_target,
        choose=_choose_target,
        same=lambda wanted, got: bool(wanted == got),
        describe=str,
    ),
}


def format_value(name: str, value: Any) -> str:
    """A value in words: `8 s`, `f/2.8`, `ISO 100`."""
    return SETTINGS[name].describe(value) if name in SETTINGS else f"{value:g}"


def setting_label(name: str) -> str:
    """A setting in words: `exposure time`, `capture target`."""
    return LABELS.get(name, name.replace("_", " "))
