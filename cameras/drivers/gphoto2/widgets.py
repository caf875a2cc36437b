"""The mapping of our settings to the camera's widgets, of requested values to choices, and the parsers for the texts
of the choices: numbers and kinds of file. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from cameras.drivers.base import SettingRange
from core.times.durations import format_exposure

# [0-9] and not \d, which also matches the digits of other scripts. Bodies set to some languages write a comma.
NUMBER = r"([0-9]{1,12}(?:[.,][0-9]{1,12})?)"
SECOND = r"(?:s|secs?|seconds?)\.?|\"|''|″"
SECONDS = re.compile(rf"{NUMBER}(?:/{NUMBER})?\s*(?:{SECOND})?", re.IGNORECASE)
# Fujifilm lists its long times as `2m` to `60m`.
MINUTES = re.compile(rf"{NUMBER}\s*(?:m|mins?|minutes?|'|\u2032)\.?(?:\s*{NUMBER}\s*(?:{SECOND}))?", re.IGNORECASE)
F_NUMBER = re.compile(rf"(?:f/?\s*)?{NUMBER}", re.IGNORECASE)
# Also `+1 2/3`, as older Canons list it.
EV = re.compile(
    r"([+-]?)(?:([0-9]{1,3}(?:[.,][0-9]{1,6})?)|(?:([0-9]{1,3})\s)?([0-9]{1,2})/([0-9]{1,2}))\s*(?:ev)?", re.IGNORECASE
)
PERCENT = re.compile(rf"{NUMBER}\s*%")
EXTENDED = r"(high|hi|low|lo|[ehls])"
"""A step beyond the usual range."""
ISO = re.compile(
    rf"(?:iso[\s-]*)?(?:{EXTENDED}[\s.-]*)?([0-9]{{1,12}})(?:\s*(?:{EXTENDED}|\({EXTENDED}\)))?", re.IGNORECASE
)
LEAST_EXTENDED = 25
"""`H1` and `Hi 2` are names of steps, and no sensitivities."""

LONGEST_US = 3_600_000_000
"""No camera times more than an hour; Nikon lists bulb and time as 429496 seconds."""

RAW = ("raw", "nef", "nrw", "cr2", "cr3", "arw", "raf", "orf", "rw2", "dng", "pef")
# Nikon and Canon name a format with a JPEG by its quality alone, as in `NEF+Fine`.
JPEG = ("jpeg", "jpg", "fine", "normal", "basic", "std", "standard")
BEST_FIRST = ("extra", "x.", "fine", "large", "superior")


def parse_exposure_us(text: str) -> int | None:
    """Microseconds of `1/125`, `0.5`, `30`, `1.0000s`, `1/125 sec.`, `1/1.3` or `2m`; None for bulb, auto and the
    like."""
    if match := SECONDS.fullmatch(text.strip()):
        # The text comes from the camera, so `1/0` must not raise.
        divisor = _parse_number(match[2] or "1")
        exposure_us = _parse_number(match[1]) / divisor * 1_000_000 if divisor else 0.0
    elif match := MINUTES.fullmatch(text.strip()):
        exposure_us = (_parse_number(match[1]) * 60 + _parse_number(match[2] or "0")) * 1_000_000
    else:
        return None
    # Half a microsecond rounds to 0, which no setting allows.
    return round(exposure_us) if 0.5 < exposure_us <= LONGEST_US else None


def parse_f_number(text: str) -> float | None:
    """The number of `f/2.8`, `F2.8` or `2.8`; None for auto and the like."""
    match = F_NUMBER.fullmatch(text.strip())
    return (_parse_number(match[1]) or None) if match else None


def parse_iso(text: str) -> int | None:
    """The number of `100`, `ISO 100`, `L100` or `25600H`; None for auto, and for steps with a name such as `Hi 0.3` and
    `H1`."""
    match = ISO.fullmatch(text.strip())
    if match is None:
        return None
    is_extended = bool(match[1] or match[3] or match[4])
    return int(match[2]) if int(match[2]) >= (LEAST_EXTENDED if is_extended else 1) else None


def parse_capture_target(text: str) -> str | None:
    """`card` or `memory`, from the camera's own name for it; None for others."""
    if "card" in text.casefold():
        return "card"
    return "memory" if "ram" in text.casefold() or "memory" in text.casefold() else None


def parse_kinds(text: str) -> frozenset[str]:
    """The kinds of file that an image format gives: `RAW + Large Fine JPEG` gives raw and jpeg.

    Empty where the text says neither.
    """
    words = text.casefold()
    kinds = {"raw": RAW, "jpeg": JPEG, "tiff": ("tif",), "heif": ("heif", "heic")}
    return frozenset(kind for kind, names in kinds.items() if any(name in words for name in names))


def parse_ev(text: str) -> float | None:
    """Stops of `-1.7`, `+0.3 EV`, `-1 2/3` or `0`; None for other text."""
    match = EV.fullmatch(text.strip())
    if match is None or (match[5] is not None and not int(match[5])):
        return None
    stops_ = _parse_number(match[2]) if match[2] else int(match[3] or "0") + int(match[4]) / int(match[5])
    return -stops_ if match[1] == "-" else stops_


def parse_percent(text: str) -> float | None:
    """The number of `77%`; None for words such as `Low`."""
    match = PERCENT.fullmatch(text.strip())
    percent = _parse_number(match[1]) if match else None
    return percent if percent is not None and percent <= 100 else None


def is_bulb(choice: str) -> bool:
    """Whether the shutter stays open until it is closed by a command."""
    name = choice.strip().casefold()
    return name == "b" or name.startswith("bulb")


def closest(choices: Iterable[str], wanted: float, parse: Callable[[str], float | None]) -> str | None:
    """The choice whose number is closest to `wanted`; None when no choice is a number."""
    # Not in stops: EV may be 0 or negative, where the logarithm is undefined.
    numbers = [(choice, value) for choice in choices if (value := parse(choice)) is not None]
    return min(numbers, key=lambda pair: abs(pair[1] - wanted))[0] if numbers else None


def nearest(choices: Iterable[str], wanted: float, parse: Callable[[str], float | None]) -> str | None:
    """The choice whose number is nearest to `wanted` in stops; None when no choice is a number. Both are above 0."""
    numbers = [(choice, value) for choice in choices if (value := parse(choice)) is not None]
    return min(numbers, key=lambda pair: stops(pair[1], wanted))[0] if numbers else None


def stops(a: float, b: float) -> float:
    """The distance of two exposure times, f-numbers or sensitivities in stops: the absolute log2 of their ratio."""
    # Two logarithms and not that of a / b: with an f-number near 0, which requests may contain, the quotient leaves the
    # range of a float.
    return abs(math.log2(a) - math.log2(b))


def choose_format(choices: list[str], current: str, wanted: str) -> str | None:
    """The camera's name for a format, or the best choice that gives exactly the kinds in `raw+jpeg`."""
    for choice in choices:
        if choice.casefold() == wanted.casefold():
            return choice
    kinds = parse_kinds(wanted)
    fitting = [choice for choice in choices if kinds and parse_kinds(choice) == kinds]
    # The current choice has priority, so that a request for `jpeg` keeps the quality that was set on the body.
    if current in fitting or not fitting:
        return current if fitting else None
    return max(fitting, key=lambda choice: sum(word in choice.casefold() for word in BEST_FIRST))


def _parse_number(text: str) -> float:
    return float(text.replace(",", "."))


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
