"""The camera's settings as last read back: from its row, or from a newer answer to a change made here. Of a value out
of its range the camera keeps its own, and the answer says so, as PixeLink's library does."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from cameras.models import Camera
from cameras.status.messages import Status
from cameras.status.status import supersedes
from captures.pixelink_service.bodies import Resolution, Settings, warning_of
from captures.pixelink_service.served_camera import NotConnected, is_connected
from core.times.durations import format_exposure

ANSWER_LIFETIME_S = 10.0
"""An answer is used for this long; by then the row has its values, even if a clock was set back."""
SIZES = ((640, 480), (1280, 1024), (1920, 1080))
"""Resolutions offered when they lie within the camera's ranges."""


class ConfigureAnswer(TypedDict):
    """The answer to `configure`."""

    actual: dict[str, Any]
    read_at: str
    warnings: list[str]


_answers: dict[UUID, tuple[float, ConfigureAnswer]] = {}
_lock = threading.Lock()
"""Guards `_answers`: concurrent changes are answered on different threads."""


def record_answer(camera: Camera, answer: ConfigureAnswer) -> None:
    """Use these values until the row has them. When two answers overtake each other, the one read later is kept."""
    with _lock:
        known = _newest_answer(camera)
        if supersedes(_read_at(answer), _read_at(known) if known else None):
            _answers[camera.pk] = time.monotonic(), answer


def read_back(camera: Camera) -> dict[str, Any]:
    with _lock:
        answer = _newest_answer(camera)
    if answer is not None and supersedes(_read_at(answer), camera.read_at):
        return answer["actual"]
    found: dict[str, Any] = camera.read_back
    return found


def _newest_answer(camera: Camera) -> ConfigureAnswer | None:
    # The caller holds `_lock`.
    at, answer = _answers.get(camera.pk, (0.0, None))
    return answer if time.monotonic() - at < ANSWER_LIFETIME_S else None


def _read_at(answer: ConfigureAnswer) -> datetime:
    return datetime.fromisoformat(answer["read_at"])


def not_yet_applied(camera: Camera) -> dict[str, Any]:
    """Exposure and gain that are set in the camera's row but not yet read back: a capture taken now must have them.
    A setting that was changed on the camera's body keeps the value set there."""
    changed_there = {difference["name"] for difference in camera.body_changes}
    current = read_back(camera)
    return {
        name: value
        for name in ("exposure_us", "gain")
        if (value := camera.settings.get(name)) is not None and name not in changed_there and current.get(name) != value
    }


def settings_body(camera: Camera, reported: Status, warnings: list[str] | None = None) -> Settings:
    """NotConnected when the camera's settings were never read."""
    values = read_back(camera)
    if not values:
        raise NotConnected(f"{camera.slug} has never been connected. {reported['reason']}".strip())
    resolution = resolution_of(camera, values)
    return Settings(
        exposure=values.get("exposure_us"),
        gain=values.get("gain"),
        resolution=resolution,
        available_resolutions=available_resolutions(camera, resolution),
        connected=is_connected(reported),
        streaming=reported["fps"] > 0,
        warning=warning_of(warnings or []),
    )


def resolution_of(camera: Camera, values: dict[str, Any]) -> Resolution:
    """Zeros while the resolution is unknown."""
    width, height = (values.get(side) or camera.capabilities.get(side) or 0 for side in ("width", "height"))
    return Resolution(width=width, height=height)


def available_resolutions(camera: Camera, now: Resolution) -> list[Resolution]:
    """The SIZES within the camera's ranges of width and height, and its current resolution."""
    ranges = camera.capabilities.get("settings", {})
    sizes = {(now.width, now.height)} | {
        size for size in SIZES if _within(ranges.get("width"), size[0]) and _within(ranges.get("height"), size[1])
    }
    return [Resolution(width=width, height=height) for width, height in sorted(sizes)]


def _within(limits: dict[str, Any] | None, value: int) -> bool:
    if limits is None or limits.get("read_only"):
        return False
    if choices := limits.get("choices"):
        return value in choices
    least, most = limits.get("minimum"), limits.get("maximum")
    return least is not None and most is not None and least <= value <= most


SETTING_LABELS = {"exposure_us": "exposure", "gain": "gain"}


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
    kept = (
        f"its {SETTING_LABELS[name]}"
        if current is None
        else f"its {SETTING_LABELS[name]} of {_value_text(name, current)}"
    )
    return f"The camera keeps {kept} (it takes {_range(name, limits)}); {_value_text(name, value)} was requested."


def _range(name: str, limits: dict[str, Any]) -> str:
    """`20 µs to 2 s`, or `at least 20 µs` for a range with one end."""
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is None:
        return f"at most {_value_text(name, most)}"
    return (
        f"at least {_value_text(name, least)}"
        if most is None
        else f"{_value_text(name, least)} to {_value_text(name, most)}"
    )


def _value_text(name: str, value: Any) -> str:
    return format_exposure(value) if name == "exposure_us" else f"{value:g}"
