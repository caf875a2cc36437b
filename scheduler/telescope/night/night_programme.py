"""What the programme of a session says of a telescope's night. Without NumPy: web processes import it."""

from __future__ import annotations

from typing import Literal, TypedDict

Rule = Literal["priority", "sequential"]
"""`priority` is the order of the scheduler. `sequential`, of 2026, goes through the list once: it takes the first field
after the previous one that is ready or has to be done now."""


class NightProgramme(TypedDict):
    """`telescope` in the programme of a session."""

    field_list: str
    name: str
    evening: str
    site: tuple[float, float, float]
    """Latitude and longitude in degrees, elevation in metres."""
    rule: Rule
    add_file: str
    clears: bool
    start_over: bool
    """Whether it observes again what earlier sessions of the same night have observed."""
