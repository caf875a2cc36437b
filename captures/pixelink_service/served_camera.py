"""The camera that the service serves, its default settings, and its settings as last read back: from its row, or from
a newer answer to a change made here. Of a value out of its range the camera keeps its own, and the answer says so, as
PixeLink's library does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from cameras.editing import services
from cameras.errors import ControlError
from cameras.leases import holder_of
from cameras.models import Camera, desired_connection
from cameras.resource import CameraChange
from cameras.status import status
from cameras.status.messages import Status
from cameras.status.status import supersedes
from captures.pixelink_service.bodies import Resolution, Settings, warning_of
from core.times.durations import format_exposure

log = logging.getLogger(__name__)
ACTOR = "service"
PIXELINK, SIMULATED = "pixelink", "simulated"
CONNECTED = frozenset({"ready", "busy"})


class NotConnected(Exception):
    """The served camera does not exist or is not connected. The message says which, and what to do."""


class DefaultSettings:
    """Sets the default settings of each served camera once in a process."""

    def __init__(self) -> None:
        self._done: set[Any] = set()

    def ensure(self, camera: Camera) -> None:
        # While someone holds the camera the change would be refused: a later request makes it.
        if camera.pk in self._done or holder_of(camera) is not None:
            return
        set_default_settings(camera)
        # This request already uses the defaults: it may be the first capture.
        camera.refresh_from_db(fields=["settings"])
        # After it: when the database does not answer, the next request tries it again.
        self._done.add(camera.pk)


_default_settings = DefaultSettings()


def served_camera(default_settings: DefaultSettings = _default_settings) -> Camera:
    """The camera of SERVICE_CAMERA, else of CAMERA_SERIAL_NUMBER, else the first PixeLink, else the simulated one.

    NotConnected when the configured camera does not exist: a simulated camera never replaces it.
    """
    camera = find_camera()
    if camera is None:
        raise NotConnected(_missing())
    default_settings.ensure(camera)
    return camera


def find_camera() -> Camera | None:
    wanted = settings.STATION.service
    named = Q(slug=wanted.camera) if wanted.camera else Q(kind__in=[PIXELINK, SIMULATED])
    return chosen(list(Camera.objects.present().filter(named).order_by("created_at", "id")))


def chosen(cameras: Sequence[Camera]) -> Camera | None:
    """The served one of `cameras`, which are in the order in which they were added."""
    wanted = settings.STATION.service
    if wanted.camera:
        return next(iter(cameras), None)
    pixelinks = [camera for camera in cameras if camera.kind == PIXELINK]
    if wanted.camera_serial_number:
        return next((camera for camera in pixelinks if _has_serial(camera, wanted.camera_serial_number)), None)
    simulated = [camera for camera in cameras if camera.kind == SIMULATED]
    return next(iter(pixelinks or simulated), None)


def _has_serial(camera: Camera, serial: str) -> bool:
    return serial in {camera.address.strip(), camera.identity.get("serial")}


def _missing() -> str:
    wanted = settings.STATION.service
    if wanted.camera:
        return f"SERVICE_CAMERA names the camera {wanted.camera!r}, which does not exist."
    if wanted.camera_serial_number:
        return f"No PixeLink camera has the serial number {wanted.camera_serial_number!r} (CAMERA_SERIAL_NUMBER)."
    return "The station has neither a PixeLink camera nor a simulated one."


def read_status(camera: Camera) -> Status:
    """The camera's status, from the broker only. BrokerDown."""
    return status.read_statuses_by_slug({camera.slug: desired_connection(camera)})[camera.slug]


def is_connected(reported: Status) -> bool:
    return reported["observed"] in CONNECTED


def check_connected(camera: Camera) -> None:
    """NotConnected unless the camera accepts commands now."""
    reported = read_status(camera)
    if not is_connected(reported):
        raise NotConnected(f"{camera.slug} is {reported['observed']}. {reported['reason']}".strip())


@transaction.atomic
def set_default_settings(camera: Camera) -> None:
    """Store DEFAULT_EXPOSURE and DEFAULT_GAIN, unless other values are set, including values set since `camera` was
    read."""
    wanted = settings.STATION.service
    defaults = {"exposure_us": wanted.default_exposure, "gain": wanted.default_gain}
    locked = Camera.objects.present().select_for_update().filter(pk=camera.pk).first()
    if locked is None:
        return
    stored = locked.settings
    missing = {name: value for name, value in defaults.items() if value is not None and name not in stored}
    if not missing:
        return
    try:
        services.change_camera(camera, CameraChange(settings={**stored, **missing}), ACTOR)
    except (ValidationError, ControlError) as error:
        log.warning("The default settings of %s cannot be stored: %s", camera.slug, error)


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
