"""The exposures of a camera's sessions over time, and their brightness, from the rows of its captures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from cameras.models import Camera
from captures.capturing.models import Capture

MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class ExposurePoint:
    """A saved capture. Brightness and shares are fractions; None where they were not measured."""

    at: datetime
    exposure_us: int
    gain: float | None
    iso: int | None
    f_number: float | None
    statistics: dict[str, float]

    @property
    def saturated(self) -> float | None:
        return self.statistics.get("saturated")

    @property
    def brightness(self) -> float | None:
        """The mean, as recorded."""
        return self.statistics.get("mean")

    @property
    def used(self) -> dict[str, Any]:
        """The settings that it was made with."""
        given = {"exposure_us": self.exposure_us, "gain": self.gain, "iso": self.iso, "f_number": self.f_number}
        return {name: value for name, value in given.items() if value is not None}


def exposure_points(
    camera: Camera, begin: datetime, end: datetime, cycle: int = 1, shot: int = 0, most: int = MOST_POINTS
) -> list[ExposurePoint]:
    """Captures of sessions, oldest first: at most `most`, evenly chosen from all, in two queries. Of a bracket (a
    `cycle` of several exposures) only those with the place `shot` in it."""
    rows = Capture.objects.filter(
        camera=camera, status=Capture.Status.SAVED, started_at__range=(begin, end), index__isnull=False,
        exposure_us__isnull=False,
    )  # fmt: skip
    step = cycle * max(1, math.ceil(rows.count() / (cycle * most)))
    # By the number in the session: captures themselves and not means, which no camera has used.
    chosen = rows.annotate(place=F("index") % step).filter(place=shot)
    values = chosen.order_by("-started_at", "-id").values_list(
        "started_at", "exposure_us", "gain", "iso", "f_number", "statistics"
    )
    return [
        ExposurePoint(at, exposure_us or 0, gain, iso, f_number, statistics or {})
        for at, exposure_us, gain, iso, f_number, statistics in reversed(values[:most])
    ]
