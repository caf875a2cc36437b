"""The state of a gate as a camera host sends it to its camera processes and publishes it. Django-free."""

from __future__ import annotations

from typing import Literal, TypedDict

LIFE_S = 30.0
"""Seconds for which a camera process believes what the host sent; then the values are unknown."""
Unknown = Literal["unsafe", "safe"]


class GateStatus(TypedDict):
    name: str
    open: bool
    value: float | str | None
    """The newest value; None while it is unknown."""
    limit: float | str | None
    """Why it is closed: the limit that a value was beyond, or the words that were compared. None for an open gate, and
    for one that is closed because its value is unknown."""
    sentence: str
    """Why it is closed, with gate, value and limit; empty for an open gate."""
    unknown: Unknown
    """What an unknown value counts as."""
