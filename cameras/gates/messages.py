"""The state of a gate as a camera host sends it to its camera processes and publishes it. Django-free."""

from __future__ import annotations

from typing import Literal, TypedDict

LIFE_S = 30.0
"""Seconds for which a camera process believes what the host sent; then the values are unknown."""
Unknown = Literal["unsafe", "safe"]


class GateStatus(TypedDict):
    name: str
    open: bool
    since: str
    """When it opened or closed, or when its host began to evaluate it."""
    value: float | str | None
    """The newest value; None while it is unknown."""
    limit: float | str | None
    """Why it is closed: the limit that a value was beyond, or the words that were compared. None for an open gate, and
    for one that is closed because its value is unknown."""
    sentence: str
    """Why it is closed, with gate, value and limit; empty for an open gate."""
    opens: str
    """What opens it again while it is closed, such as `below 0.05 for 20 s`."""
    unknown: Unknown
    """What an unknown value counts as."""
