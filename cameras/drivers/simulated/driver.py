"""The driver of simulated cameras."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from cameras.drivers.abilities import FaultInjection, FaultListener, SettableStream, SiteAware
from cameras.drivers.base import (
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    remaining,
)
from cameras.drivers.options import Option
from cameras.drivers.parts import AbortableWait, check_exposure_fits
from cameras.drivers.simulated.faults import FaultInjector
from cameras.drivers.simulated.sensor import FramePacer, SimulatedSensor, Transfer
from cameras.drivers.simulated.settings import (
    DEFAULTS,
    SETTINGS,
    SimulatedSettings,
    exposure_settings,
    within_range,
)

ADDRESS = re.compile(r"[a-z0-9-]{0,40}")
OPTIONS = {
    "shutter": Option(
        "boolean", "Shutter", "Closed: a dark frame, with the noise of the sensor and without the scene.", default=True
    ),
}


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
        self._serial = f"sim-{address or '0'}"
        self._sensor: SimulatedSensor | None = None
        """None while the camera is closed."""
        self._closing = threading.Event()
        """Set when it is closed; each opening has its own."""
        self._settings = dict(DEFAULTS)
        self._stream_settings: dict[str, Any] = {}
        self._pacer, self._waits = FramePacer(clock), AbortableWait(clock)
        self._opened_at = self._last_frame_at = 0.0
        self._faults = FaultInjector()
        self._site: dict[str, Any] = {}

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

    def open(self, deadline: float) -> Identity:
        self._faults.trigger()
        remaining(self.clock, deadline)
        # As after a power cycle: the core applies the desired settings after each opening.
        self._settings, self._stream_settings = dict(DEFAULTS), {}
        self._opened_at, self._closing = self.clock.monotonic(), threading.Event()
        self._sensor = SimulatedSensor(self._serial, self._opened_at, self._faults)
        self._pacer.start(self._settings["fps"])
        return Identity(
            vendor="Skycam",
            model="Simulated 1280x1024",
            serial=self._serial,
            library=f"skycam {_version()}",
        )

    def close(self) -> None:
        self._sensor = None
        self._closing.set()

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
        wanted, warnings = within_range(self.validated(settings))
        if refusals := self._refusals(wanted):
            return Applied(dict(self._settings), [*warnings, *refusals])
        fps = self._settings["fps"]
        self._settings |= wanted
        # Only then: a restart of the pacer would put the stream out of step.
        if self._settings["fps"] != fps:
            self._pacer.start(self._settings["fps"])
        return Applied(dict(self._settings), warnings)

    def read_back(self, deadline: float) -> dict[str, Any]:
        self._need_open()
        self._faults.check_cable()
        return dict(self._settings)

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        self._need_open()
        self._stream_settings, _ = within_range(self.validated(settings))

    @classmethod
    def stream_fps(cls, actual: Mapping[str, Any], desired: Mapping[str, Any]) -> float | None:
        # Exposures of the stream are limited to the time between two frames.
        return actual.get("fps")

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        self._need_open()
        wanted, warnings = within_range(request.settings())
        return Applied(asdict(exposure_settings(self._settings | wanted)), warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        sensor = self._need_open()
        self._waits.begin()
        self._faults.trigger()
        wanted, warnings = within_range(request.settings())
        if refusals := self._refusals(wanted):
            raise CameraError(" ".join(refusals), reason="rejected_setting", permanent=True, before_shutter=True)
        used = exposure_settings(self._settings | wanted)
        check_exposure_fits(used.exposure_us, self.clock, deadline)
        started_ns, started = self._wall_ns(), self.clock.monotonic()
        self._waits.wait_until(started + used.seconds)
        # By the monotonic clock: the wall clock may be set meanwhile.
        ended_ns = started_ns + round((self.clock.monotonic() - started) * 1e9)
        # After `ended_ns`: the fault delays the transfer, not the end of the exposure.
        self._waits.wait_until(self.clock.monotonic() + (self._faults.value("slow") or 0.0))
        exposure = Exposure(
            started_ns=started_ns,
            ended_ns=ended_ns,
            actual=asdict(used),
            warnings=warnings,
            temperature_celsius=self.temperature(),
            simulated=True,
        )
        lit = bool(request.options.get("shutter", True))
        picture = sensor.expose(self._settings, self._site, used, started_ns, started, lit=lit)
        transfer = Transfer(exposure, picture, self.clock, self._faults, self._closing)
        if fetch_s := self._settings["fetch_s"]:
            exposure.fetch, exposure.fetch_s = transfer.fetch, fetch_s
        else:
            transfer.deliver()
        return exposure

    def frame(self, deadline: float) -> FrameData | None:
        sensor = self._need_open()
        self._faults.trigger()
        # The transfer time of a slow camera.
        now, due = self.clock.monotonic(), self._last_frame_at + (self._faults.value("slow") or 0.0)
        if due > now and (self.clock.wait(min(due, deadline) - now) or due > deadline):
            return None
        if not self._pacer.wait(deadline):
            return None
        used = exposure_settings(self._settings | self._stream_settings)
        used = replace(used, exposure_us=min(used.exposure_us, int(1e6 / self._settings["fps"])))
        self._last_frame_at = self.clock.monotonic()
        return sensor.stream(self._settings, self._site, used, self._wall_ns(), self._last_frame_at)

    def temperature(self) -> float:
        """A slow sine since the camera was opened, unless a fault sets it."""
        self._faults.check_cable()
        if (reported := self._faults.value("temperature")) is not None:
            return float(reported)
        turns = (self.clock.monotonic() - self._opened_at) / self._settings["temperature_period_s"]
        swing = float(self._settings["temperature_swing_celsius"]) * math.sin(math.tau * turns)
        return round(float(self._settings["temperature_celsius"] + swing), 3)

    def abort(self) -> None:
        self._waits.abort()

    def _need_open(self) -> SimulatedSensor:
        if self._sensor is None:
            raise CameraError("The simulated camera is closed. Open it first.", before_shutter=True)
        return self._sensor

    def _wall_ns(self) -> int:
        return self.clock.wall_ns() + round((self._faults.value("wrong_clock") or 0.0) * 1e9)

    def _refusals(self, wanted: dict[str, Any]) -> list[str]:
        """A sentence for each change that the camera refuses because of a fault."""
        if not self._faults.value("rejected_setting"):
            return []
        return [
            f"The camera refuses {name} {value} and keeps {self._settings[name]}."
            for name, value in wanted.items()
            if value != self._settings[name]
        ]


def _version() -> str:
    try:
        return version("skycam")
    except PackageNotFoundError:
        return "unknown"
