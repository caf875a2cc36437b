"""The driver of simulated cameras."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from cameras.drivers.abilities import FaultInjection, FaultListener, SettableStream, SiteAware
from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FileReference,
    FrameData,
    Identity,
    SettingRange,
    remaining,
)
from cameras.drivers.options import DriverSettings, Option
from cameras.drivers.simulated.faults import FaultInjector, torn
from cameras.drivers.simulated.frame_pacer import FramePacer
from cameras.drivers.simulated.scenes import SCENES, Scene
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.optics import dark_image
from core.resources.fields import field
from core.times.durations import format_exposure

ADDRESS = re.compile(r"[a-z0-9-]{0,40}")
SHORTEST_US, LONGEST_US = 20, 600_000_000
LOWEST_GAIN, HIGHEST_GAIN = 1.0, 16.0
ISOS = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600]
F_NUMBERS = [1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 22.0]
ABORT_CHECK_S = 0.05
"""How often a running exposure checks for `abort`."""


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

OPTIONS = {
    "shutter": Option(
        "boolean", "Shutter", "Closed: a dark frame, with the noise of the sensor and without the scene.", default=True
    ),
}
SCENE_SETTINGS = ("width", "height", "sky_level", "contrast_decades", "shot_noise")
"""The settings that a scene is constructed with."""
TORN = "The frame is torn: its lower half is from another exposure."
LABELS = {"iso": "ISO", "f_number": "f-number"}


class SimulatedDriver(Driver, FaultInjection, SettableStream, SiteAware):
    """A colour camera that shows one of the SCENES. The chart simulates a linear sensor, and its frames carry their
    number in their pixels (`codec.py`); the other scenes are realistic, `allsky` also in its light.

    In the stream, exposures are limited to the time between two frames, as in video cameras.
    """

    kind = "simulated"
    simulated = True
    numbers_frames = True
    settings_model = SimulatedSettings

    def __init__(self, address: str, clock: Clock) -> None:
        super().__init__(address, clock)
        self._aborted = threading.Event()
        self._is_open = False
        self._closing = threading.Event()
        """Set when it is closed; each opening has its own."""
        self._scene: Scene | None = None
        self._settings = dict(DEFAULTS)
        self._stream_settings: dict[str, Any] = {}
        self._pacer = FramePacer(clock)
        self._number = 0
        self._opened = 0.0
        self._last_frame_at = 0.0
        self._faults = FaultInjector()
        self._site: dict[str, Any] = {}

    @property
    def _serial(self) -> str:
        return f"sim-{self.address or '0'}"

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        name = address.strip()
        if not ADDRESS.fullmatch(name):
            raise ValueError(
                "The address of a simulated camera is any name of at most 40 lower-case letters, digits and hyphens, "
                "or empty."
            )
        return name

    def set_faults(self, faults: dict[str, Any], on_change: FaultListener) -> dict[str, Any]:
        return self._faults.set_faults(faults, on_change)

    @property
    def transfer(self) -> Literal["linear", "srgb"]:
        return "linear" if self._settings["scene"] == "chart" else "srgb"

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        # Without a site the scene has its own.
        known = latitude is not None and longitude is not None
        self._site = {"latitude": latitude, "longitude": longitude, "elevation": elevation} if known else {}
        self._scene = None

    def open(self, deadline: float) -> Identity:
        self._faults.trigger()
        remaining(self.clock, deadline)
        # As after a power cycle: the core applies the desired settings after each opening.
        self._settings, self._number, self._opened = dict(DEFAULTS), 0, self.clock.monotonic()
        self._is_open, self._closing = True, threading.Event()
        self._scene, self._stream_settings = None, {}
        self._pacer.start(self._settings["fps"])
        return Identity(
            vendor="Skycam",
            model="Simulated 1280x1024",
            serial=self._serial,
            library=f"skycam {_version()}",
        )

    def close(self) -> None:
        self._is_open = False
        self._closing.set()
        self._scene = None

    def capabilities(self) -> Capabilities:
        return Capabilities(
            stream=True,
            width=self._settings["width"],
            height=self._settings["height"],
            readout_s=0.2,
            overlap=1,
            settings=dict(SETTINGS),
            options=dict(OPTIONS),
        )

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        self._need_open()
        self._faults.check_cable()
        remaining(self.clock, deadline)
        wanted, warnings = self._accepted(*_within_range(self.validated(settings)))
        changed = {name for name, value in wanted.items() if value != self._settings[name]}
        self._settings |= wanted
        if changed & {"scene", *SCENE_SETTINGS}:
            self._scene = None
        # Only then: a restart of the pacer would put the stream out of step.
        if "fps" in changed:
            self._pacer.start(self._settings["fps"])
        return Applied(dict(self._settings), warnings)

    def read_back(self, deadline: float) -> dict[str, Any]:
        self._need_open()
        self._faults.check_cable()
        return dict(self._settings)

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        self._need_open()
        self._stream_settings, _ = _within_range(self.validated(settings))

    @classmethod
    def stream_fps(cls, actual: Mapping[str, Any], desired: Mapping[str, Any]) -> float | None:
        # Exposures of the stream are limited to the time between two frames.
        return actual.get("fps")

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        self._need_open()
        wanted, warnings = _within_range(request.settings())
        return Applied(asdict(self._exposure_settings(wanted)), warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        self._need_open()
        self._aborted.clear()
        self._faults.trigger()
        wanted, warnings = _within_range(request.settings())
        self._refuse_changes(wanted)
        settings = self._exposure_settings(wanted)
        if remaining(self.clock, deadline) < settings.seconds:
            raise CameraError(
                f"An exposure of {format_exposure(settings.exposure_us)} does not fit into the allowed time. "
                "Use a shorter exposure, or allow more time.",
                reason="too_slow",
                before_shutter=True,
            )
        started_ns, started = self._wall_ns(), self.clock.monotonic()
        self._wait_for_shutter(started + settings.seconds)
        # By the monotonic clock: the wall clock may be set meanwhile.
        ended_ns = started_ns + round((self.clock.monotonic() - started) * 1e9)
        # After `ended_ns`: the fault delays the transfer, not the end of the exposure.
        self._wait_for_shutter(self.clock.monotonic() + (self._faults.value("slow") or 0.0))
        exposure = Exposure(
            started_ns=started_ns,
            ended_ns=ended_ns,
            actual=asdict(settings),
            warnings=warnings,
            temperature_celsius=self.temperature(),
            simulated=True,
        )
        deliver = partial(
            self._deliver,
            exposure,
            *self._picture(settings, started_ns, started, lit=bool(request.options.get("shutter", True))),
        )
        if fetch_s := self._settings["fetch_s"]:
            exposure.fetch, exposure.fetch_s = partial(self._fetch, deliver, fetch_s, self._closing), fetch_s
        else:
            deliver()
        return exposure

    def _picture(
        self, settings: ExposureSettings, started_ns: int, started: float, *, lit: bool
    ) -> tuple[FrameData | None, list[FileReference], list[str]]:
        """The frame or the references of an exposure, and its warnings."""
        if not self._settings["remote_files"]:
            frame, damage = self._frame(settings, started_ns, started, lit=lit, streamed=False)
            return frame, [], damage
        number, self._number = self._number, self._number + 1
        return None, [FileReference("fits", f"{self._serial}:/data/{number:08}.fits")], []

    @staticmethod
    def _deliver(
        exposure: Exposure, frame: FrameData | None, references: list[FileReference], damage: list[str]
    ) -> None:
        exposure.frame, exposure.references = frame, references
        exposure.warnings = [*exposure.warnings, *damage]

    def _fetch(self, deliver: Callable[[], None], takes_s: float, closing: threading.Event, deadline: float) -> None:
        """On the still thread. `closing`: of the opening in which the picture was exposed."""
        if self._faults.use_once("hang_fetch"):
            closing.wait()
        until = self.clock.monotonic() + takes_s
        while (left := until - self.clock.monotonic()) > 0 and not closing.is_set():
            closing.wait(min(left, remaining(self.clock, deadline)))
        if closing.is_set():
            raise CameraError("The simulated camera was closed before it had delivered the picture.")
        deliver()

    def frame(self, deadline: float) -> FrameData | None:
        self._need_open()
        self._faults.trigger()
        if not self._is_transferred(deadline) or not self._pacer.wait(deadline):
            return None
        used = self._exposure_settings(self._stream_settings)
        settings = replace(used, exposure_us=min(used.exposure_us, int(1e6 / self._settings["fps"])))
        self._last_frame_at = self.clock.monotonic()
        return self._frame(settings, self._wall_ns(), self._last_frame_at, lit=True, streamed=True)[0]

    def temperature(self) -> float:
        """A slow sine since the camera was opened, unless a fault sets it."""
        self._faults.check_cable()
        if (reported := self._faults.value("temperature")) is not None:
            return float(reported)
        turns = (self.clock.monotonic() - self._opened) / self._settings["temperature_period_s"]
        swing = float(self._settings["temperature_swing_celsius"]) * math.sin(math.tau * turns)
        return round(float(self._settings["temperature_celsius"] + swing), 3)

    def abort(self) -> None:
        self._aborted.set()

    def _need_open(self) -> None:
        if not self._is_open:
            raise CameraError("The simulated camera is closed. Open it first.", before_shutter=True)

    def _wait_for_shutter(self, until: float) -> None:
        while (left := until - self.clock.monotonic()) > 0:
            # In steps, because `abort` sets the event from another thread without ending the clock's wait.
            if self.clock.wait(min(left, ABORT_CHECK_S)) or self._aborted.is_set():
                raise Aborted

    def _exposure_settings(self, wanted: dict[str, Any]) -> ExposureSettings:
        """`wanted` and, for the rest, the camera's settings."""
        used = self._settings | wanted
        return ExposureSettings(used["exposure_us"], used["gain"], used["iso"], used["f_number"])

    def _new_scene(self) -> Scene:
        now = self._settings
        settings = SceneSettings(
            now["width"], now["height"], now["sky_level"], now["contrast_decades"], now["shot_noise"]
        )
        return SCENES[now["scene"]](replace(settings, **self._site))

    # Faults

    def _wall_ns(self) -> int:
        return self.clock.wall_ns() + round((self._faults.value("wrong_clock") or 0.0) * 1e9)

    def _is_transferred(self, deadline: float) -> bool:
        """Wait for the transfer time of a slow camera; whether the frame arrived before the deadline."""
        due = self._last_frame_at + (self._faults.value("slow") or 0.0)
        left = due - self.clock.monotonic()
        return left <= 0 or (not self.clock.wait(min(left, deadline - self.clock.monotonic())) and due <= deadline)

    def _accepted(self, wanted: dict[str, Any], warnings: list[str]) -> tuple[dict[str, Any], list[str]]:
        """The accepted values of `wanted`, and the warnings."""
        if not self._faults.value("rejected_setting"):
            return wanted, warnings
        refused = {name: value for name, value in wanted.items() if value != self._settings[name]}
        messages = [
            f"The camera refuses {name} {value} and keeps {self._settings[name]}." for name, value in refused.items()
        ]
        return {}, [*warnings, *messages]

    def _refuse_changes(self, wanted: dict[str, Any]) -> None:
        _, messages = self._accepted(wanted, [])
        if messages:
            raise CameraError(" ".join(messages), reason="rejected_setting", permanent=True, before_shutter=True)

    def _frame(
        self, settings: ExposureSettings, wall_ns: int, monotonic: float, *, lit: bool, streamed: bool
    ) -> tuple[FrameData, list[str]]:
        """The frame, and a sentence if it is damaged. `lit`: the shutter was open; `streamed`: it is one of the
        stream."""
        # Made here and not in `apply`, so that several changes of the settings make one scene.
        if self._scene is None:
            self._scene = self._new_scene()
        number, self._number = self._number, self._number + 1
        if lit:
            render = self._scene.render_streamed if streamed else self._scene.render
            image = render(number, settings, wall_ns, monotonic - self._opened)
        else:
            image = dark_image(self._settings["height"], self._settings["width"], settings.amplification, number)
        damaged = self._faults.use_once("torn_frame")
        frame = FrameData(torn(image) if damaged else image, wall_ns, monotonic, number, simulated=True)
        return frame, [TORN] if damaged else []


def _within_range(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
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


def _version() -> str:
    try:
        return version("skycam")
    except PackageNotFoundError:
        return "unknown"
