"""A camera under a sky whose light changes, controlled by exposure control. Simulated time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from cameras.drivers.base import SettingRange
from cameras.exposure.control import ControlState, first_state, next_state
from cameras.exposure.levels import Transfer
from cameras.exposure.parameters import parameters_of, total_ev
from cameras.exposure.settings import ExposureControl, ExposureControlRequest
from cameras.exposure.statistics import FrameStatistics, statistics_of

THIRDS_US = [round(1e6 * 2 ** (third / 3)) for third in range(-39, 16)]
ISOS = [100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000, 6400]
F_NUMBERS = [2.8, 3.2, 3.5, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10, 11, 13, 14, 16]
DSLR = {
    "exposure_us": SettingRange("µs", min(THIRDS_US), max(THIRDS_US), choices=THIRDS_US),
    "iso": SettingRange("", 100, 6400, choices=ISOS),
    "f_number": SettingRange("", 2.8, 16, choices=F_NUMBERS),
}
FULL_STOPS = {
    "exposure_us": SettingRange("µs", choices=THIRDS_US[::3]),
    "iso": SettingRange("", choices=[100, 200, 400, 800, 1600, 3200, 6400]),
    "f_number": SettingRange("", choices=[2.8, 4, 5.6, 8, 11, 16]),
}
BULB = {**DSLR, "exposure_us": SettingRange("µs", min(THIRDS_US), 3_600_000_000, choices=THIRDS_US[:40])}
MACHINE_VISION = {"exposure_us": SettingRange("µs", 20, 30_000_000, 1), "gain": SettingRange("dB", 0, 40)}
CAMERAS = {"dslr": DSLR, "full stops": FULL_STOPS, "bulb": BULB, "machine vision": MACHINE_VISION}
LIMITS = {"exposure_us": [20, 30_000_000], "f_number": [2.8, 16]}

RATE_EV_PER_MIN = 0.3
"""Of twilight at middle latitudes."""
BRIGHT_DAY_EV, DIM_DAY_EV = 18.0, 12.0
PLATEAU = 40
"""Frames of equal light."""
WARM_UP = 10
"""Frames before a simulation begins."""
SOON = 5
"""Frames within which changes belong together: more than any delay."""
FULL_WELL = 20_000
SIDE = 40
PATTERN = np.exp2(np.random.default_rng(3).uniform(-1, 0.8, (SIDE, SIDE)))
SCENE = PATTERN / PATTERN.mean()
"""The relative light of the pixels; the mean is 1."""
BAD_SHARE = 0.5

Light = Callable[[int], float]
"""Frame -> EV of the scene: an exposure of 1 s at f/1 and ISO 100 with 0 EV is full scale in the mean."""


def control_for(ranges: dict[str, SettingRange], **changes: Any) -> ExposureControl:
    gain: dict[str, Any] = {"iso": [100, 6400]} if "iso" in ranges else {"gain": [0, 40]}
    limits = {**LIMITS, **gain}
    known = {name: limits[name] for name in limits if name in ranges}
    return ExposureControlRequest(**{**known, **changes}).control()


@dataclass
class Sensor:
    """8 bits, with shot noise and read noise."""

    transfer: Transfer
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def expose(self, settings: dict[str, Any], light_ev: float) -> FrameStatistics:
        amplification = settings.get("iso", 100) / 100 * 10 ** (settings.get("gain", 0) / 20)
        received = 2**light_ev * settings["exposure_us"] / 1e6 / settings.get("f_number", 1) ** 2
        electrons = np.minimum(received * SCENE, 10) * FULL_WELL
        noisy = self.random.normal(electrons, np.sqrt(electrons) + 3)
        linear = np.clip(noisy / FULL_WELL * amplification, 0, 1)
        recorded = linear if self.transfer == "linear" else encoded(linear)
        return statistics_of(np.rint(recorded * 255).astype(np.uint8))


def encoded(linear: Any) -> Any:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def day_night_day(ranges: dict[str, SettingRange], depth_ev: float, cadence_s: float) -> tuple[Light, int]:
    """Light that falls by `depth_ev`, stays and rises again, at the rate of twilight; and the number of frames."""
    ramp = round(depth_ev / RATE_EV_PER_MIN * 60 / cadence_s)
    corners = np.cumsum([0, PLATEAU, ramp, PLATEAU, ramp, PLATEAU])
    day = BRIGHT_DAY_EV if "f_number" in ranges else DIM_DAY_EV
    levels = [day, day, day - depth_ev, day - depth_ev, day, day]
    return (lambda frame: float(np.interp(frame, corners, levels))), int(corners[-1])


@dataclass
class Run:
    frames: list[FrameStatistics]
    states: list[ControlState]
    totals: list[float]

    @property
    def bad_share(self) -> float:
        bad = [frame for frame in self.frames if frame.saturated > BAD_SHARE or frame.black > BAD_SHARE]
        return len(bad) / len(self.frames)

    def steps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.totals)]

    def alternations(self, most_ev: float) -> list[tuple[int, float, float]]:
        """Changes larger than `most_ev` that soon follow such a change in the other direction."""
        changes = [(at, step) for at, step in enumerate(self.steps()) if step]
        return [
            (at, first, second)
            for (before, first), (at, second) in pairwise(changes)
            if at - before <= SOON and first * second < 0 and min(abs(first), abs(second)) > most_ev
        ]


def simulate(
    control: ExposureControl,
    ranges: dict[str, SettingRange],
    light: Light,
    frames: int,
    *,
    transfer: Transfer = "srgb",
    delay: int = 0,
    restarts: bool = False,
    start: dict[str, Any] | None = None,
) -> Run:
    """`delay` frames begin before the statistics of a frame are used. With `restarts` each state comes from JSON."""
    sensor, parameters = Sensor(transfer), parameters_of(control, ranges)
    state = first_state(control, start or {}, ranges)
    for _ in range(WARM_UP):
        state = next_state(
            control, state, sensor.expose(state["settings"], light(0)), state["settings"], ranges, transfer
        )
    waiting: deque[tuple[FrameStatistics, dict[str, Any]]] = deque()
    run = Run([], [], [])
    for frame in range(frames):
        used = dict(state["settings"])
        waiting.append((sensor.expose(used, light(frame)), used))
        run.frames.append(waiting[-1][0])
        run.totals.append(total_ev(parameters, used))
        if len(waiting) > delay:
            state = next_state(control, state, *waiting.popleft(), ranges, transfer)
        run.states.append(state)
        state = json.loads(json.dumps(state)) if restarts else state
    return run
