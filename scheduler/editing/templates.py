"""What the form of a new schedule may begin with."""

from __future__ import annotations

from typing import NamedTuple

from captures.sessions.forecast import length
from captures.sessions.requests import DELAY_S, EXPOSURE_US
from core.times.durations import format_exposure

AUTOMATIC = "50 µs - 20 s"
"""From full daylight to a dark sky."""
COMMON = {"priority": "0", "enabled": "on", "from": "start"}


class Template(NamedTuple):
    label: str
    meaning: str
    values: dict[str, str]
    """Of the fields of the form."""


TEMPLATES = {
    "dark": Template(
        "Dark sky", "While it is astronomically dark, with one exposure time.",
        {
            **COMMON, "window": "sun", "sun": "astronomical", "exposure": format_exposure(EXPOSURE_US),
            "wait": length(DELAY_S + EXPOSURE_US / 1e6),
        },
    ),
    "dusk": Template(
        "Dusk to dawn", "From the end of civil twilight to its begin, with automatic exposure.",
        {**COMMON, "window": "sun", "sun": "civil", "auto": AUTOMATIC, "wait": "30 s"},
    ),
    "day": Template(
        "Day and night", "All the time, with automatic exposure: a run from each noon to the next one.",
        {**COMMON, "window": "clock", "begin": "12:00", "end": "12:00", "auto": AUTOMATIC, "wait": "1 min"},
    ),
}  # fmt: skip
USUAL = "dark"
