"""The primary camera records after each start of the station, if the configuration says so."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.leases.lease_holders import LeaseHeld
from cameras.models import Camera
from captures.recordings.control.commands import request_recording
from core.station_settings.values import auto_recording_config

log = logging.getLogger(__name__)


def record_primary_camera() -> None:
    """Request rolling clips of the primary camera of this host, unless it records already. A camera that cannot record,
    or that somebody holds, is left alone."""
    config = auto_recording_config()
    if not (config.enabled and config.record_primary_camera):
        return
    camera = Camera.objects.present().filter(primary=True, host=settings.STATION.host, recording="").first()
    if camera is None:
        return
    try:
        request_recording(camera, "rolling", "station")
    except (ValidationError, LeaseHeld) as error:
        log.warning("The primary camera is not recorded: %s", error)
