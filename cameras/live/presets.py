"""The qualities of live view: longest side in pixels, JPEG quality, maximum pictures per second. Django-free.

A station's values come from its configuration; those here are the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cameras.live.load_shedder import FPS_LEVELS, QUALITY_LEVELS
from core.dataclass_json import dataclass_from_json

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
