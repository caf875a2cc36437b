"""What the camera has otherwise than it took it: somebody turned a dial on its body. Shown, and adopted on request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

SAME = 1e-4
"""As a share of a value: cameras count in floats, and no dial has steps so small."""


class Difference(TypedDict):
    """A setting that is wished for as `wished`, and that the camera has as `has` now."""

    name: str
    wished: Any
    has: Any


class SettingsDrift:
    """What the camera took of the wish, setting by setting. It may have taken another value than was wished, its
    nearest; that was told when it was applied, and is no change."""

    def __init__(self) -> None:
        self._applied: dict[str, Any] = {}

    def record_applied(self, names: Iterable[str], actual: Mapping[str, Any]) -> None:
        """These settings were applied, and the camera has `actual` since."""
        self._applied |= {name: actual.get(name) for name in names}

    def find_differences(self, wish: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
        """What of the wish was changed on the body. What is left to the camera it may change by itself."""
        return [
            Difference(name=name, wished=value, has=actual[name])
            for name, value in sorted(wish.items())
            if name in actual
            and self._applied.get(name) is not None
            and not same_value(self._applied[name], actual[name])
        ]


def still_desired(differs: Iterable[Difference], wish: Mapping[str, Any]) -> list[Difference]:
    """Without those whose setting is wished for otherwise by now, or no more."""
    return [one for one in differs if one["name"] in wish and same_value(wish[one["name"]], one["wished"])]


def same_value(one: Any, other: Any) -> bool:
    """Whether two values of a setting are one to a camera."""
    if is_number(one) and is_number(other):
        return math.isclose(one, other, rel_tol=SAME)
    return bool(one == other)


def same_values(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(same_value(value, other[name]) for name, value in one.items())


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
