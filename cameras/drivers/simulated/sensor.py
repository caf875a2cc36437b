"""The sensor of the simulated camera: the pictures of one opening, on their way to the driver, and the pace of its
stream."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cameras.drivers.base import CameraError, Clock, Exposure, FileReference, FrameData, remaining
from cameras.drivers.simulated.faults import FaultInjector, torn
from cameras.drivers.simulated.scenes import SCENES, Scene
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.optics import dark_image

SCENE_SETTINGS = ("width", "height", "sky_level", "contrast_decades", "shot_noise")
"""The settings that a scene is constructed with."""
TORN = "The frame is torn: its lower half is from another exposure."


@dataclass(frozen=True, slots=True)
class Picture:
    """What an exposure delivers."""

    frame: FrameData | None = None
    references: list[FileReference] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class SimulatedSensor:
    """Pictures of one opening, numbered in their order; used by the driver's thread. Times are in seconds of the
    clock's `monotonic`."""

    def __init__(self, serial: str, opened_at: float, faults: FaultInjector) -> None:
        self._serial, self._opened_at, self._faults = serial, opened_at, faults
        self._number = 0
        self._scene: Scene | None = None
        self._scene_of: tuple[str, SceneSettings] | None = None

    def expose(
        self, values: Mapping[str, Any], site: Mapping[str, Any], used: ExposureSettings, wall_ns: int, at: float,
        *, lit: bool,
    ) -> Picture:  # fmt: skip
        """A still with the camera's settings `values`. `lit`: the shutter was open."""
        if values["remote_files"]:
            return Picture(references=[FileReference("fits", f"{self._serial}:/data/{self._next_number():08}.fits")])
        number = self._next_number()
        if lit:
            image = self._current_scene(values, site).render(number, used, wall_ns, at - self._opened_at)
        else:
            image = dark_image(values["height"], values["width"], used.amplification, number)
        return self._finish(FrameData(image, wall_ns, at, number, simulated=True))

    def stream(
        self, values: Mapping[str, Any], site: Mapping[str, Any], used: ExposureSettings, wall_ns: int, at: float
    ) -> FrameData | None:
        """A frame of the stream."""
        scene, number = self._current_scene(values, site), self._next_number()
        image = scene.render_streamed(number, used, wall_ns, at - self._opened_at)
        return self._finish(FrameData(image, wall_ns, at, number, simulated=True)).frame

    def _next_number(self) -> int:
        number, self._number = self._number, self._number + 1
        return number

    def _current_scene(self, values: Mapping[str, Any], site: Mapping[str, Any]) -> Scene:
        settings = SceneSettings(**{name: values[name] for name in SCENE_SETTINGS}, **site)
        # Made here and not when a setting changes, so that several changes make one scene.
        if self._scene is None or self._scene_of != (values["scene"], settings):
            self._scene, self._scene_of = SCENES[values["scene"]](settings), (values["scene"], settings)
        return self._scene

    def _finish(self, frame: FrameData) -> Picture:
        """The frame, damaged if that fault is due."""
        if not self._faults.use_once("torn_frame"):
            return Picture(frame)
        return Picture(replace(frame, image=torn(frame.image)), warnings=[TORN])


class Transfer:
    """The transfer of a picture from the camera. `closing` is set when the opening ends in which it was exposed."""

    def __init__(
        self, exposure: Exposure, picture: Picture, clock: Clock, faults: FaultInjector, closing: threading.Event
    ) -> None:
        self._exposure, self._picture = exposure, picture
        self._clock, self._faults, self._closing = clock, faults, closing

    def deliver(self) -> None:
        self._exposure.frame, self._exposure.references = self._picture.frame, self._picture.references
        self._exposure.warnings = [*self._exposure.warnings, *self._picture.warnings]

    def fetch(self, deadline: float) -> None:
        """On the still thread: an `Exposure.fetch` that takes `fetch_s` of its exposure."""
        if self._faults.use_once("hang_fetch"):
            self._closing.wait()
        until = self._clock.monotonic() + self._exposure.fetch_s
        while (left := until - self._clock.monotonic()) > 0 and not self._closing.is_set():
            self._closing.wait(min(left, remaining(self._clock, deadline)))
        if self._closing.is_set():
            raise CameraError("The simulated camera was closed before it had delivered the picture.")
        self.deliver()


class FramePacer:
    """When the next frame of a stream is due: frame n at start + n / fps, without drift. Frames that no one waited for
    are skipped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.start(1.0)

    def start(self, fps: float) -> None:
        """Restart: the first tick is due at the first wait."""
        self._fps = fps
        self._origin: float | None = None
        self._tick = -1

    def wait(self, deadline: float) -> bool:
        """Wait for the next tick; False when the deadline passed or the wait was interrupted before it."""
        now = self._clock.monotonic()
        if self._origin is None:
            self._origin = now
        tick = max(self._tick + 1, math.floor((now - self._origin) * self._fps))
        # From the origin and not from the last frame: delays of single frames do not add up.
        due = self._origin + tick / self._fps
        if due > deadline:
            self._clock.wait(max(0.0, deadline - now))
            return False
        if due > now and self._clock.wait(due - now):
            return False
        # Only after the wait, so that an interrupted one loses no frame.
        self._tick = tick
        return True
