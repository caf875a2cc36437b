"""Exposures and durations as people write them, in one form for pages, command line and configuration."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

EXPOSURE_UNITS_US = {"s": 1_000_000, "sec": 1_000_000, "ms": 1_000, "us": 1, "µs": 1}
DURATION_UNITS_S = {"ms": 0.001, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}
LONGEST_EXPOSURE_US = 3_600_000_000
# At most 12 digits, so that no text of a request becomes infinite.
NUMBER = r"(?:[0-9]{1,12}(?:[.,][0-9]{0,12})?|[.,][0-9]{1,12})"
EXPOSURE = re.compile(rf"({NUMBER})\s*(?:/\s*({NUMBER}))?\s*([a-zµ\"]*)", re.ASCII | re.IGNORECASE)
DURATION_PART = re.compile(rf"({NUMBER})\s*([a-z]*)\s*", re.ASCII | re.IGNORECASE)

Bare = Literal["refuse", "s"]
"""How a number without a unit is read: refused, with both readings offered, or as seconds."""


class InvalidExposure(ValueError):
    """The message says what is wrong and what to write."""


class InvalidDuration(ValueError):
    """The message says what is wrong and what to write."""


def parse_exposure(text: str, *, bare: Bare = "refuse") -> int:
    """Whole microseconds, at least 1, from `8 s`, `250 ms`, `20 µs`, `1/50 s` or `1/100`. The decimal point may be a
    comma.

    A fraction without a unit is a fraction of a second, as on a camera's dial. Raises InvalidExposure.
    """
    # Keyboards type the Greek letter, which looks the same as the micro sign.
    plain = text.strip().replace("μ", "µ")
    match = EXPOSURE.fullmatch(plain)
    unit = match[3].lower().replace('"', "s") if match else ""
    if match is None or (unit and unit not in EXPOSURE_UNITS_US):
        raise InvalidExposure(f"{text.strip()[:40]!r} is not an exposure. Write 8 s, 250 ms, 20 µs or 1/50 s.")
    if not unit and not match[2] and bare == "refuse":
        raise InvalidExposure(f"{plain} has no unit. Write {plain} s or {plain} ms.")
    divisor = _number(match[2] or "1")
    if divisor == 0:
        raise InvalidExposure(f"{plain} divides by zero. Write a fraction such as 1/50 s.")
    found = round(_number(match[1]) / divisor * EXPOSURE_UNITS_US[unit or "s"])
    if not 1 <= found <= LONGEST_EXPOSURE_US:
        raise InvalidExposure(
            f"{plain} is out of range: an exposure takes 1 µs to {LONGEST_EXPOSURE_US // 1_000_000} s."
        )
    return found


def exposure_readings(text: str) -> list[str]:
    """The possible readings of a number without a unit: `2 s`, `2 ms`. Empty for any other text."""
    plain = text.strip()
    return [reading for reading in (f"{plain} s", f"{plain} ms") if re.fullmatch(NUMBER, plain) and _fits(reading)]


def _fits(exposure: str) -> bool:
    try:
        return parse_exposure(exposure) > 0
    except InvalidExposure:
        return False


def parse_bracket(text: str, *, bare: Bare = "refuse") -> dict[str, list[Any]]:
    """`exposures_us` of `1 ms, 10 ms`, or `ev_steps` of `-2, 0, 2 EV`. The comma separates; the decimal sign is a
    point.

    InvalidExposure, or ValueError for steps that are not numbers.
    """
    steps = text.upper().strip().removesuffix("EV")
    if steps == text.upper().strip():
        return {"exposures_us": [parse_exposure(part.strip(), bare=bare) for part in text.split(",")]}
    found = [float(step) for step in steps.split(",")]
    if not all(map(math.isfinite, found)):
        raise ValueError(text)
    return {"ev_steps": found}


def parse_duration(text: str) -> float:
    """Seconds, 0 or more, from `12`, `12 s`, `500 ms`, `90 min`, `2 h` or `1 h 30 min`. A plain number means seconds.

    Raises InvalidDuration.
    """
    plain = text.strip()
    parts = list(DURATION_PART.finditer(plain))
    units = [part[2].lower() for part in parts]
    # `finditer` skips what does not fit.
    whole = "".join(part[0] for part in parts) == plain
    bare_among_others = len(parts) > 1 and "" in units
    if not parts or not whole or bare_among_others or any(unit and unit not in DURATION_UNITS_S for unit in units):
        raise InvalidDuration(f"{plain[:40]!r} is not a duration. Write 12 s, 90 min, 2 h or 1 h 30 min.")
    return sum(_number(part[1]) * DURATION_UNITS_S[part[2].lower() or "s"] for part in parts)


def parse_offset(text: str) -> float:
    """Seconds of a duration that may be negative: `-30 min`. Raises InvalidDuration."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    return -parse_duration(plain[1:]) if plain.startswith("-") else parse_duration(plain.removeprefix("+"))


def format_exposure(microseconds: float) -> str:
    """8 s, 12.5 ms, 250 µs."""
    for size, unit in ((1_000_000, "s"), (1_000, "ms")):
        if microseconds >= size:
            return f"{microseconds / size:.9g} {unit}"
    return f"{microseconds:.9g} µs"


def format_rounded_exposure(microseconds: float) -> str:
    """With three figures, where it is not typed again: 36.1 ms."""
    return format_exposure(float(f"{microseconds:.3g}"))


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def format_duration(seconds: float) -> str:
    """`90 s`, `5 min`, `2 h`: exactly what `parse_duration` reads."""
    for unit in ("d", "h", "min"):
        size = DURATION_UNITS_S[unit]
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.10g} s"
