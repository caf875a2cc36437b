"""The camera that the service serves, and its default settings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from cameras.editing import services
from cameras.errors import ControlError
from cameras.leases.lease_holders import holder_of
from cameras.models import Camera, desired_connection
from cameras.resource import CameraChange
from cameras.status import status
from cameras.status.messages import Status

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
