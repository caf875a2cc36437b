"""What the camera has, as it was last read back: in its row, or newer in the answer to a change of ours."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from cameras.models import Camera
from cameras.readings import supersedes
from cameras.status import Status
from captures.pixelink_service.bodies import Resolution, Settings, warning_of
from captures.pixelink_service.served import NotConnected, is_connected

TOLD_S = 10.0
"""By then the row has followed, whatever the clocks say."""
SIZES = ((640, 480), (1280, 1024), (1920, 1080))
"""Resolutions that are offered where the camera's ranges have them."""


class Told(TypedDict):
    """The answer to `configure`."""

    actual: dict[str, Any]
    read_at: str
    warnings: list[str]


_told: dict[UUID, tuple[float, Told]] = {}
_lock = threading.Lock()
"""Guards `_told`: two changes at once are answered on two threads."""


def note(camera: Camera, told: Told) -> None:
    """The row follows a moment later. What was read later stays, whoever is answered first."""
    with _lock:
        known = _newest(camera)
        if supersedes(_moment(told), _moment(known) if known else None):
            _told[camera.pk] = time.monotonic(), told


def read_back(camera: Camera) -> dict[str, Any]:
    with _lock:
        told = _newest(camera)
    if told is not None and supersedes(_moment(told), camera.read_at):
        return told["actual"]
    found: dict[str, Any] = camera.read_back
    return found


def _newest(camera: Camera) -> Told | None:
    at, told = _told.get(camera.pk, (0.0, None))
    return told if time.monotonic() - at < TOLD_S else None


def _moment(told: Told) -> datetime:
    return datetime.fromisoformat(told["read_at"])


def not_yet_applied(camera: Camera) -> dict[str, Any]:
    """Exposure and gain that are set in the camera's row and that it has not read back yet: a capture of this moment
    is to have them. What was changed on the camera's body stays as it is there."""
    changed_there = {difference["name"] for difference in camera.body_changes}
    has = read_back(camera)
    return {
        name: value
        for name in ("exposure_us", "gain")
        if (value := camera.settings.get(name)) is not None and name not in changed_there and has.get(name) != value
    }


def settings_body(camera: Camera, seen: Status, warnings: list[str] | None = None) -> Settings:
    """NotConnected for a camera that has never said what it has."""
    values = read_back(camera)
    if not values:
        raise NotConnected(f"{camera.slug} was never seen yet. {seen['reason']}".strip())
    resolution = resolution_of(camera, values)
    return Settings(
        exposure=values.get("exposure_us"),
        gain=values.get("gain"),
        resolution=resolution,
        available_resolutions=available(camera, resolution),
        connected=is_connected(seen),
        streaming=seen["fps"] > 0,
        warning=warning_of(warnings or []),
    )


def resolution_of(camera: Camera, values: dict[str, Any]) -> Resolution:
    """Zeros for a camera that has not said it yet."""
    width, height = (values.get(side) or camera.capabilities.get(side) or 0 for side in ("width", "height"))
    return Resolution(width=width, height=height)


def available(camera: Camera, now: Resolution) -> list[Resolution]:
    """SIZES within the ranges of a camera that has such settings, and what it has now."""
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
