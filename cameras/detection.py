"""What is attached to this machine. It asks the drivers here and now, so it sees the cameras of its own host alone."""

from __future__ import annotations

import logging

from django.conf import settings

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.base import CameraError
from cameras.serializers import Detected, DetectedList

log = logging.getLogger(__name__)


def detect() -> DetectedList:
    """Every kind is asked; one that fails says so and the others are listed all the same."""
    found = DetectedList(host=settings.STATION.host, results=[], problems={})
    for kind, (label, _) in DRIVERS.items():
        try:
            attached = driver_class(kind).detect()
        except (CameraError, ImportError, OSError) as error:
            log.warning("%s cameras could not be looked for: %s", kind, error)
            found["problems"][kind] = str(error)
            continue
        found["results"] += [
            Detected(
                kind=kind,
                label=label,
                address=one.get("address", ""),
                model=one.get("model", ""),
                serial=one.get("serial", ""),
            )
            for one in attached
        ]
    return found
