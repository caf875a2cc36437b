"""The settings of the simulated camera: their model, defaults and ranges, and the nearest value of a request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from cameras.drivers.base import CameraError, SettingRange
from cameras.drivers.options import DriverSettings
from cameras.drivers.simulated.scenes import SCENES
from cameras.drivers.simulated.scenes.base import ExposureSettings
from core.resources.fields import field
from core.times.durations import format_exposure

SHORTEST_US, LONGEST_US = 20, 600_000_000
LOWEST_GAIN, HIGHEST_GAIN = 1.0, 16.0
ISOS = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600]
F_NUMBERS = [1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 22.0]


class SimulatedSettings(DriverSettings):
    """None leaves a value as it is; a camera starts with `DEFAULTS`."""

    fps: float | None = field(None, ge=0.1, le=240, help="frames per second of the stream")
    width: int | None = field(None, ge=320, le=3840, multiple_of=2, help="pixels")
    height: int | None = field(None, ge=240, le=2880, multiple_of=2, help="pixels")
    scene: Literal["sky", "allsky", "microscope", "bench", "chart"] | None = field(
        None,
        help="what the picture shows; `allsky` has the light of the site's sky by day and night; `chart` is for "
        "tests: linear, with each frame's number as a code",
    )
    sky_level: float | None = field(
        None,
        ge=0,
        le=1e7,
        help="of the chart: luminance at middle height, counts per second at gain 1, ISO 100",
    )
    contrast_decades: float | None = field(None, ge=0, le=8, help="of the chart: powers of ten between top and bottom")
    shot_noise: bool | None = field(None, help="of the chart: with the noise of the light itself")
    fetch_s: float | None = field(
        None,
        ge=0,
        le=600,
        help="seconds that the transfer of a still takes; the next exposure may begin meanwhile",
    )
    remote_files: bool | None = field(
        None,
        help="the pictures stay with the camera, and captures only refer to them, as with a telescope's controller",
    )
    temperature_celsius: float | None = field(None, ge=-100, le=100, help="of the sensor, on average")
    temperature_swing_celsius: float | None = field(None, ge=0, le=50, help="up and down, as a sine")
    temperature_period_s: float | None = field(None, ge=1, le=86_400, help="seconds of one swing")


DEFAULTS: dict[str, Any] = {
    "exposure_us": 10_000,
    "gain": 1.0,
    "iso": 100,
    "f_number": 1.4,
    "fps": 15.0,
    "width": 1280,
    "height": 1024,
    "scene": "sky",
    "sky_level": 500.0,
    "contrast_decades": 5.0,
    "shot_noise": False,
    "fetch_s": 0.0,
    "remote_files": False,
    "temperature_celsius": 20.0,
    "temperature_swing_celsius": 2.0,
    "temperature_period_s": 600.0,
}

SETTINGS = {
    "exposure_us": SettingRange("µs", SHORTEST_US, LONGEST_US, 1),
    "gain": SettingRange("", LOWEST_GAIN, HIGHEST_GAIN),
    "iso": SettingRange(choices=ISOS),
    "f_number": SettingRange(choices=F_NUMBERS),
    "fps": SettingRange("1/s", 0.1, 240),
    "width": SettingRange("px", 320, 3840, 2),
    "height": SettingRange("px", 240, 2880, 2),
    "scene": SettingRange(choices=list(SCENES)),
    "sky_level": SettingRange("1/s", 0, 1e7),
    "contrast_decades": SettingRange("", 0, 8),
    "shot_noise": SettingRange(choices=[False, True]),
    "fetch_s": SettingRange("s", 0, 600),
    "remote_files": SettingRange(choices=[False, True]),
    "temperature_celsius": SettingRange("°C", -100, 100),
    "temperature_swing_celsius": SettingRange("°C", 0, 50),
    "temperature_period_s": SettingRange("s", 1, 86_400),
}

LABELS = {"iso": "ISO", "f_number": "f-number"}


def exposure_settings(values: Mapping[str, Any]) -> ExposureSettings:
    return ExposureSettings(values["exposure_us"], values["gain"], values["iso"], values["f_number"])


def within_range(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The nearest values that the camera has, and a sentence for each that differs from the request."""
    nearest = {name: _nearest(name, requested) for name, requested in values.items()}
    warnings = [_warning(name, values[name], has) for name, has in nearest.items() if has != values[name]]
    return nearest, warnings


def _nearest(name: str, value: Any) -> Any:
    allowed = SETTINGS[name]
    # min() and max() let NaN through, and JSON has none.
    if isinstance(value, float) and math.isnan(value):
        raise CameraError(f"The {name} is not a number.", reason="rejected_setting", before_shutter=True)
    if name in LABELS and allowed.choices:
        limited = min(max(value, allowed.choices[0]), allowed.choices[-1])
        # In stops, as photographers count.
        return min(allowed.choices, key=lambda choice: abs(math.log(choice / limited)))
    if allowed.minimum is None or allowed.maximum is None:
        return value
    # The bounds are floats for some settings; an int stays an int.
    return type(value)(min(max(value, allowed.minimum), allowed.maximum))


def _warning(name: str, requested: float, has: float) -> str:
    if name in LABELS:
        return f"The camera's nearest {LABELS[name]} is {has:g}; {requested:g} was requested."
    bound = "most" if has < requested else "least"
    named = f"{name.removesuffix('_us')} {_amount(name, has)}"
    return f"The camera has at {bound} {named}; {_amount(name, requested)} was requested."


def _amount(name: str, value: float) -> str:
    return format_exposure(value) if name == "exposure_us" else f"{value:g}"
