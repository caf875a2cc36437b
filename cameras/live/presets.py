"""The qualities of live view, and `LoadShedder`, which reduces them while a machine is busy, so that recording and
captures keep it. A station's values come from its configuration; those here are the defaults. The first step makes
pictures smaller, the second also fewer; a step can be disabled. A step is taken after the load has stayed above its
threshold for `hold_s`, and taken back, one at a time, after it has stayed below `restore`. Django-free."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from core.dataclass_json import dataclass_from_json

SMOOTHING = 0.5
LOWER_QUALITY, LOWER_BOTH, LOWER_FPS_ONLY = 1, 2, 3
"""Levels: smaller pictures; smaller and fewer; fewer at full size."""
QUALITY_LEVELS, FPS_LEVELS = (LOWER_QUALITY, LOWER_BOTH), (LOWER_BOTH, LOWER_FPS_ONLY)
DESCRIPTIONS = {
    0: "pictures are at full quality again",
    LOWER_QUALITY: "pictures are smaller",
    LOWER_BOTH: "pictures are smaller and fewer",
    LOWER_FPS_ONLY: "pictures are fewer",
}


class Thresholds(Protocol):
    """As `live_streaming_config.cpu_thresholds`: per cent, where 0 disables a step; `hold_s` in seconds."""

    @property
    def lower_quality(self) -> float: ...

    @property
    def lower_fps(self) -> float: ...

    @property
    def restore(self) -> float: ...

    @property
    def hold_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class FixedThresholds:
    """Thresholds as plain values."""

    lower_quality: float = 85.0
    lower_fps: float = 95.0
    restore: float = 70.0
    hold_s: float = 5.0


class LoadShedder:
    """`load` returns the load in per cent since its last call."""

    def __init__(
        self, thresholds: Thresholds, load: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.thresholds, self.load, self.clock = thresholds, load, clock
        self.level = 0
        self.percent = 0.0
        self.lowered_steps = 0
        """How many steps down were taken so far."""
        self._since: float | None = None
        self._target = 0

    def update_level(self) -> bool:
        """Measure the load; True when the level has changed. Call it about once a second."""
        self.percent += SMOOTHING * (self.load() - self.percent)
        # A setting has disabled this step while it was active: it ends without the hold time.
        if self.level and self.level not in self._steps:
            self._since, self.level = None, self._remaining_level
            return True
        target, now = self._target_level(), self.clock()
        if target == self.level:
            self._since = None
        # Only a change of direction starts the hold time again.
        elif self._since is None or (target > self.level) != (self._target > self.level):
            self._since = now
        self._target = target
        if self._since is None or now - self._since < self.thresholds.hold_s:
            return False
        self._since = None
        self.lowered_steps += target > self.level
        self.level = target
        return True

    @property
    def _steps(self) -> dict[int, float]:
        """Level -> the load from which it is taken, in order; without disabled steps."""
        at = self.thresholds
        first = {LOWER_QUALITY: at.lower_quality} if at.lower_quality else {}
        return first | ({LOWER_BOTH if first else LOWER_FPS_ONLY: at.lower_fps} if at.lower_fps else {})

    @property
    def _remaining_level(self) -> int:
        """The part of the present level that is still enabled after the thresholds changed; 0 for none."""
        parts = (LOWER_QUALITY, LOWER_FPS_ONLY) if self.level == LOWER_BOTH else ()
        return next((level for level in parts if level in self._steps), 0)

    def _target_level(self) -> int:
        """The level for this load, at most one step from the present one."""
        steps = self._steps
        levels = [0, *steps]
        at = levels.index(self.level)
        if at < len(steps) and self.percent >= steps[levels[at + 1]]:
            return levels[at + 1]
        # Not the threshold of the step itself: around it the level would change back and forth.
        if at and self.percent < self.thresholds.restore:
            return levels[at - 1]
        return self.level

    @property
    def description(self) -> str:
        """The level in words, for messages."""
        return DESCRIPTIONS[self.level]


LOWERED_SCALE = 0.5
"""Scale of the longest side at the levels that make pictures smaller."""
LOWERED_JPEG_QUALITY_BY = 15
"""Subtracted from the JPEG quality at those levels."""
MIN_JPEG_QUALITY = 30


@dataclass(frozen=True, slots=True)
class Preset:
    size: int
    jpeg_quality: int
    fps: float

    def encode(self, image: Any) -> bytes:
        """JPEG of an RGB (h, w, 3) or mono (h, w) image, uint8 or uint16, scaled down to the preset's size."""
        # Not above: web processes import this module for the presets alone.
        import cv2
        import numpy as np

        if image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        scale = self.size / max(image.shape[:2])
        if scale < 1:
            # INTER_AREA averages all pixels; the default looks at four, so stars and thin lines would vanish.
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])[1].tobytes()

    def lowered(self, level: int, longest: int) -> Preset:
        """The preset at a level of the LoadShedder: half the size at a lower JPEG quality, half the rate, or both.

        `longest` is the longest side of the camera's images, in pixels."""
        fps = self.fps / 2 if level in FPS_LEVELS else self.fps
        if level not in QUALITY_LEVELS:
            return replace(self, fps=fps)
        # A preset that is below MIN_JPEG_QUALITY by itself must not become finer.
        quality = min(self.jpeg_quality, max(MIN_JPEG_QUALITY, self.jpeg_quality - LOWERED_JPEG_QUALITY_BY))
        # Half of what is sent: half of a preset larger than the camera's images could change nothing.
        return Preset(int(min(self.size, longest) * LOWERED_SCALE), quality, fps)


PRESETS = {"low": Preset(640, 60, 10.0), "medium": Preset(1280, 75, 25.0), "high": Preset(4096, 90, 30.0)}
"""From the lowest to the highest."""


def presets_of(configured: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Preset]:
    """The presets of a spec's configuration; PRESETS when it has none."""
    return {name: dataclass_from_json(Preset, configured[name]) for name in PRESETS} if configured else PRESETS


class FrameRateLimiter:
    """Thins frames to a rate, evenly. A frame that comes a little early counts as on time, so that a camera as fast as
    the limit loses none to its jitter."""

    EARLY = 0.25
    """Part of an interval that a frame may be early."""

    def __init__(self) -> None:
        self._due = -1.0

    def admit_frame(self, at: float, fps: float) -> bool:
        """Whether the frame of `at` (seconds of a monotonic clock) is within the rate."""
        interval = 1 / fps
        ahead = self._due - at
        if self.EARLY * interval < ahead <= 2 * interval:
            return False
        keeps_time = abs(ahead) < interval  # else it is the first for a while, or the clock is another one
        self._due = (self._due if keeps_time else at) + interval
        return True
