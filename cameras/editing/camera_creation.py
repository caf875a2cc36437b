"""What CAMERA_CONFIG sets for new cameras: how many there may be, and their default settings."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class
from cameras.models import Camera
from cameras.validation import checked_settings
from core.station_settings.values import camera_config


def check_kind(kind: str) -> None:
    """ValidationError for an unknown kind: without its driver nothing else can be checked."""
    if kind not in DRIVERS:
        raise ValidationError({"kind": f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}."})


def check_camera_limit() -> None:
    """ValidationError when the station already has `max_cameras`."""
    most = camera_config().max_cameras
    if Camera.objects.present().count() >= most:
        raise ValidationError(
            f"The station has as many cameras as max_cameras allows ({most}). Remove one, or raise max_cameras on the "
            "page Settings or by CAMERA_CONFIG__MAX_CAMERAS."
        )


def with_default_settings(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """The settings with the station's default frame rate and picture size, where the kind has these settings and none
    are given. A default that the kind refuses is left out."""
    config, known = camera_config(), driver_class(kind).settings_model.model_fields
    for default in (fps_setting(config.default_fps), size_settings(config.default_resolution)):
        # A size is set as a whole: a given width is not combined with the default height.
        if default and set(default) <= set(known) and not set(default) & set(values):
            values = allowed_or_none(kind, {**values, **default}) or values
    return values


def fps_setting(fps: float | None) -> dict[str, Any]:
    return {} if fps is None else {"fps": fps}


def size_settings(resolution: str | None) -> dict[str, Any]:
    """Of `1280x1024`."""
    if resolution is None:
        return {}
    width, _, height = resolution.partition("x")
    return {"width": int(width), "height": int(height)}


def allowed_or_none(kind: str, values: dict[str, Any]) -> dict[str, Any] | None:
    try:
        checked_settings(kind, values)
    except ValidationError:
        return None
    return values


def address_of_its_own(kind: str, slug: str, address: str) -> str:
    """The address gives a simulated camera its serial number: a further one without an address gets its id as one."""
    if address or not driver_class(kind).simulated:
        return address
    return slug if Camera.objects.present().filter(kind=kind, address="").exists() else ""
