"""The warnings of a night for web processes, which read the status of its cameras from the broker."""

from __future__ import annotations

from django.utils import timezone

from cameras.status.status import read_statuses
from core.broker.broker import BrokerDown
from scheduler.tonight.night import Night, NightWarning
from scheduler.tonight.warnings import warnings_of


def present_warnings(night: Night) -> list[NightWarning]:
    """Without a look at the broker for a night that has no runs."""
    cameras = {run.camera.slug: run.camera for run in night.runs}
    try:
        statuses = read_statuses(cameras.values()) if cameras and not night.dry_run else {}
    except BrokerDown:
        return warnings_of(night, None, timezone.now())
    return warnings_of(night, statuses, timezone.now())
