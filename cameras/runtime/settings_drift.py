"""Settings that differ from those applied, because someone turned a dial on the camera's body. Pages show them, and
users can adopt them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

SAME = 1e-4
"""Relative tolerance: cameras calculate in floats, and no dial has steps this small."""


class Difference(TypedDict):
    """A setting whose desired value is `wished`, while the camera has `has`."""

    name: str
    wished: Any
    has: Any


class SettingsDrift:
    """Remembers the value that the camera took for each desired setting. That may be the nearest to the desired value;
    the camera warned of it when it was applied, so it is no difference."""

    def __init__(self) -> None:
        self._applied: dict[str, Any] = {}

    def record_applied(self, names: Iterable[str], actual: Mapping[str, Any]) -> None:
        """These settings were applied, and the camera now has `actual`."""
        self._applied |= {name: actual.get(name) for name in names}

    def find_differences(self, desired: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
        """The desired settings that were changed on the body. The camera may change settings that are left to it."""
        return [
            Difference(name=name, wished=value, has=actual[name])
            for name, value in sorted(desired.items())
            if name in actual
            and self._applied.get(name) is not None
            and not same_value(self._applied[name], actual[name])
        ]


def still_desired(differs: Iterable[Difference], desired: Mapping[str, Any]) -> list[Difference]:
    """Without the differences whose setting now has another desired value, or none."""
    return [
        entry for entry in differs if entry["name"] in desired and same_value(desired[entry["name"]], entry["wished"])
    ]


def same_value(one: Any, other: Any) -> bool:
    """Whether a camera does not distinguish two values of a setting."""
    if is_number(one) and is_number(other):
        return math.isclose(one, other, rel_tol=SAME)
    return bool(one == other)


def same_values(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(same_value(value, other[name]) for name, value in one.items())


def is_number(value: Any) -> bool:
    # In Python True is an int: a switch would equal the number 1.
    return isinstance(value, int | float) and not isinstance(value, bool)
