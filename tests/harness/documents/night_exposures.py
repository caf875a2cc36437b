"""The exposures of a simulated night, measured on the pictures of the scene `allsky`.

`python -m tests.harness.documents.night_exposures` prints the table of docs/operating/rehearsing.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from cameras.drivers.simulated.scenes.allsky import AllSkyScene
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.optics import Fisheye
from cameras.drivers.simulated.settings import LONGEST_US, SHORTEST_US
from core.sky.bodies import moon_phase, moon_place, sun_place
from core.times.durations import format_exposure

SITE = (48.0, 11.0)
NOON = datetime(2026, 9, 10, 11, tzinfo=UTC)
"""The Moon is new."""
FULL_MOON = datetime(2026, 9, 26, 21, 30, tzinfo=UTC)
ALTITUDES = (45.0, 20.0, 10.0, 5.0, 0.0, -3.0, -6.0, -9.0, -12.0, -15.0, -18.0, -30.0)
DAY, NIGHT = ExposureSettings(0, iso=100, f_number=5.6), ExposureSettings(0, iso=1600, f_number=1.4)
TARGET = 0.4
SIZE = (640, 480)
HEAD = "| Sun's altitude | UTC | Moon | at ISO 100, f/5.6 | at ISO 1600, f/1.4 |\n|---|---|---|---|---|"


def table() -> str:
    scene = AllSkyScene(SceneSettings(*SIZE))
    moments = [*(moment_of(altitude) for altitude in ALTITUDES), FULL_MOON]
    return "\n".join([HEAD, *(row(scene, at) for at in moments)])


def moment_of(altitude: float) -> datetime:
    """When the setting Sun passes it, to the minute."""
    minutes = (NOON + timedelta(minutes=count) for count in range(24 * 60))
    return next(at for at in minutes if sun_place(at, *SITE).altitude <= altitude)


def row(scene: AllSkyScene, at: datetime) -> str:
    sun, moon = sun_place(at, *SITE).altitude, moon_place(at, *SITE).altitude
    day, night = exposure_us(scene, at, DAY), exposure_us(scene, at, NIGHT)
    shone = f"{moon_phase(at):.0%} lit, at {moon:.0f}°" if moon > 0 else "below the horizon"
    cells = (f"{round(sun)}°", f"{at:%m-%d %H:%M}", shone, text(day), text(night))
    return f"| {' | '.join(cells)} |"


def exposure_us(scene: AllSkyScene, at: datetime, settings: ExposureSettings) -> int:
    """The exposure that makes the mean value inside of the lens's circle TARGET of full scale; 0 if the camera has no
    such exposure."""
    inside = Fisheye(*SIZE).circle() > 0

    def mean(microseconds: float) -> float:
        exposure = replace(settings, exposure_us=round(microseconds))
        return float(scene.render(0, exposure, ns(at), 0.0)[inside].mean() / 255)

    low, high = float(SHORTEST_US), float(LONGEST_US)
    if not mean(low) < TARGET < mean(high):
        return 0
    while high / low > 1.01:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if mean(middle) < TARGET else (low, middle)
    return round(high)


def ns(at: datetime) -> int:
    return round(at.timestamp()) * 10**9


def text(microseconds: int) -> str:
    """With two figures."""
    return format_exposure(float(f"{microseconds:.2g}")) if microseconds else "none"


if __name__ == "__main__":
    print(table())
