"""The programmes of schedules, for their runs."""

from __future__ import annotations

from typing import Any

from cameras.models import Camera
from scheduler.schedules.models import Schedule


def programme_for(schedule: Schedule, camera: Camera) -> dict[str, Any]:
    """The programme of the schedule's runs on the camera. ValueError when it is not valid any more."""
    # Not at the top: its models take 20 ms to build, and `skycam tonight` shows runs that have their programme.
    from scheduler.schedules.requests import ScheduleProgramme

    return ScheduleProgramme.model_validate(schedule.programme).programme(camera)
