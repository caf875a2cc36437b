"""Which camera the service serves, and what it begins with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from cameras import services, status
from cameras.control import ControlError
from cameras.lease_holders import holder_of
from cameras.models import Camera
from cameras.status import Status

log = logging.getLogger(__name__)
ACTOR = "service"
PIXELINK, SIMULATED = "pixelink", "simulated"
CONNECTED = frozenset({"ready", "busy"})
_greeted: set[Any] = set()


class NotConnected(Exception):
    """The camera that is meant is not there. The message says which, and what to do."""


def served_camera() -> Camera:
    """The camera of SERVICE_CAMERA, else of CAMERA_SERIAL_NUMBER, else the first PixeLink, else the simulated one.

    NotConnected when the one that is meant is not among the station's: a simulated one never takes its place.
    """
    camera = found_camera()
    if camera is None:
        raise NotConnected(_missing())
    if camera.pk not in _greeted and holder_of(camera) is None:
        wish_defaults(camera)
        camera.refresh_from_db(fields=["settings"])
        _greeted.add(camera.pk)
    return camera


def found_camera() -> Camera | None:
    wanted = settings.STATION.service
    named = Q(slug=wanted.camera) if wanted.camera else Q(kind__in=[PIXELINK, SIMULATED])
    return chosen(list(Camera.objects.present().filter(named).order_by("created_at", "id")))


def chosen(cameras: Sequence[Camera]) -> Camera | None:
    """Of cameras in the order in which they were added."""
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
        return f"There is no camera {wanted.camera!r}, which SERVICE_CAMERA names."
    if wanted.camera_serial_number:
        return f"No PixeLink camera has the serial number {wanted.camera_serial_number!r} (CAMERA_SERIAL_NUMBER)."
    return "The station has neither a PixeLink camera nor a simulated one."


def observed(camera: Camera) -> Status:
    """What is seen of it, from the broker alone. BrokerDown."""
    return status.read_statuses_by_slug({camera.slug: status.desired(camera)})[camera.slug]


def is_connected(seen: Status) -> bool:
    return seen["observed"] in CONNECTED


def check_connected(camera: Camera) -> None:
    """NotConnected unless the camera can be told something now."""
    seen = observed(camera)
    if not is_connected(seen):
        raise NotConnected(f"{camera.slug} is {seen['observed']}. {seen['reason']}".strip())


@transaction.atomic
def wish_defaults(camera: Camera) -> None:
    """DEFAULT_EXPOSURE and DEFAULT_GAIN, where nobody has wished for another value; nor has since `camera` was read."""
    wanted = settings.STATION.service
    defaults = {"exposure_us": wanted.default_exposure, "gain": wanted.default_gain}
    stored = Camera.objects.select_for_update().get(pk=camera.pk).settings
    missing = {name: value for name, value in defaults.items() if value is not None and name not in stored}
    if not missing:
        return
    try:
        services.change_camera(camera, {"settings": {**stored, **missing}}, ACTOR)
    except (ValidationError, ControlError) as error:
        log.warning("The defaults are not wished of %s: %s", camera.slug, error)
