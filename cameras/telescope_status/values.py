"""Numbers that mounts and programs write, and the limits of each value of the status. Django-free."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

TEXT_LENGTH = 60
"""Characters of a number, and of a filter's name or id."""
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,5})[ :;]+(\d{1,2}(?:\.\d*)?)(?:[ :;]+(\d{1,2}(?:\.\d*)?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    least: float
    most: float
    unit: str

    def allow(self, value: float) -> bool:
        """False for NaN, too."""
        return self.least <= value <= self.most


LIMITS = {
    "lst": Limits(0, 24, "hours"),
    "ha": Limits(-12, 12, "hours"),
    "ra": Limits(0, 24, "hours"),
    "dec": Limits(-90, 90, "degrees"),
    "focus": Limits(-1e7, 1e7, "the focuser's unit"),
}
"""Field of the status -> its limits."""


def parse_number(text: str) -> float | None:
    """A decimal number, or a sexagesimal one as `12:34:56.7`, `-0 30` or `12;34`; None for anything else, such as NaN
    and the infinities."""
    plain = text.strip()
    if len(plain) > TEXT_LENGTH:
        return None
    if NUMBER.fullmatch(plain):
        number = float(plain)
        return number if math.isfinite(number) else None
    found = SEXAGESIMAL.fullmatch(plain)
    if found is None:
        return None
    sign, whole, minutes, seconds = found.groups()
    if float(minutes) >= 60 or float(seconds or 0) >= 60:
        return None
    # The sign is apart from the number: -0:30 is below zero.
    return (int(whole) + float(minutes) / 60 + float(seconds or 0) / 3600) * (-1 if sign == "-" else 1)


def read_value(name: str, text: str) -> tuple[float | None, str]:
    """The value of a field of the status, and a sentence if it is none."""
    limits, value = LIMITS[name], parse_number(text)
    if value is not None and limits.allow(value):
        return value, ""
    shown = "".join(sign for sign in text.strip() if sign.isprintable())[:20] or "empty"
    allowed = f"a number from {limits.least:g} to {limits.most:g} in {limits.unit}"
    return None, f"{name} is {shown}; allowed is {allowed}."
