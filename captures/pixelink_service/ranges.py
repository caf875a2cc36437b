"""Values out of the served camera's range: the camera keeps its own value, and the answer says so.

PixeLink's library behaves the same way.
"""

from __future__ import annotations

from typing import Any

from cameras.models import Camera
from captures.pixelink_service.readback import read_back
from core.times.durations import format_exposure

LABELS = {"exposure_us": "exposure", "gain": "gain"}


def within_ranges(camera: Camera, wanted: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of `wanted` (exposure_us, gain) within the camera's ranges, and a warning for each other value."""
    ranges = camera.capabilities.get("settings", {})
    beyond = {name: value for name, value in wanted.items() if _is_beyond(ranges.get(name, {}), value)}
    warnings = [_warning(camera, name, value, ranges[name]) for name, value in beyond.items()]
    return {name: value for name, value in wanted.items() if name not in beyond}, warnings


def _is_beyond(limits: dict[str, Any], value: float) -> bool:
    least, most = limits.get("minimum"), limits.get("maximum")
    return (least is not None and value < least) or (most is not None and value > most)


def _warning(camera: Camera, name: str, value: float, limits: dict[str, Any]) -> str:
    current = read_back(camera).get(name)
    kept = f"its {LABELS[name]}" if current is None else f"its {LABELS[name]} of {_text(name, current)}"
    return f"The camera keeps {kept} (it takes {_range(name, limits)}); {_text(name, value)} was requested."


def _range(name: str, limits: dict[str, Any]) -> str:
    """`20 µs to 2 s`, or `at least 20 µs` for a range with one end."""
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is None:
        return f"at most {_text(name, most)}"
    return f"at least {_text(name, least)}" if most is None else f"{_text(name, least)} to {_text(name, most)}"


def _text(name: str, value: Any) -> str:
    return format_exposure(value) if name == "exposure_us" else f"{value:g}"
