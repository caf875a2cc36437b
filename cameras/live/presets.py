"""The qualities of live view: the longest side in pixels, the JPEG quality, the most pictures a second. Django-free.

The station's own values come from its configuration; what stands here is for whoever has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cameras.live.governor import FEWER, SMALLER
from core.dataclass_json import dataclass_from_json

LOWERED_SIZE = 0.5
"""Of the longest side, where pictures are lowered."""
ROUGHER = 15
"""What is then taken off the JPEG quality."""
LEAST_JPEG_QUALITY = 30


@dataclass(frozen=True, slots=True)
class Preset:
    size: int
    jpeg_quality: int
    fps: float

    def encode(self, image: Any) -> bytes:
        """JPEG of an RGB or mono image, uint8 or uint16, made no larger than the preset."""
        import cv2

        if image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        scale = self.size / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])[1].tobytes()

    def lowered(self, level: int, longest: int) -> Preset:
        """What is made of images whose longest side is `longest` pixels while a host is busy, by the Governor's level:
        smaller and rougher pictures, half as many, or both."""
        fps = self.fps / 2 if level in FEWER else self.fps
        if level not in SMALLER:
            return replace(self, fps=fps)
        quality = min(self.jpeg_quality, max(LEAST_JPEG_QUALITY, self.jpeg_quality - ROUGHER))
        return Preset(int(min(self.size, longest) * LOWERED_SIZE), quality, fps)


PRESETS = {"low": Preset(640, 60, 10.0), "medium": Preset(1280, 75, 25.0), "high": Preset(4096, 90, 30.0)}
"""From the least to the most."""


def presets_of(configured: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Preset]:
    """Those of the configuration, as a spec has them; PRESETS where it has none."""
    return {name: dataclass_from_json(Preset, configured[name]) for name in PRESETS} if configured else PRESETS


class Pace:
    """So many pictures a second of what comes, in the long run, and evenly: what comes a little early counts as on
    time, so that a camera as fast as the limit loses none to its jitter."""

    EARLY = 0.25
    """Of an interval."""

    def __init__(self) -> None:
        self._due = -1.0

    def take(self, at: float, fps: float) -> bool:
        """Whether the picture of `at` (seconds of a monotonic clock) is one of those."""
        interval = 1 / fps
        ahead = self._due - at
        if self.EARLY * interval < ahead <= 2 * interval:
            return False
        keeps_time = abs(ahead) < interval  # else it is the first for long, or of another clock
        self._due = (self._due if keeps_time else at) + interval
        return True
