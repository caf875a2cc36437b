"""The qualities of live view: the longest side in pixels and the JPEG quality. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Preset:
    most_pixels: int
    jpeg_quality: int

    def encode(self, image: Any) -> bytes:
        """JPEG of an RGB or mono image, uint8 or uint16, made no larger than the preset."""
        import cv2

        if image.dtype == np.uint16:
            image = (image >> 8).astype(np.uint8)
        scale = self.most_pixels / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])[1].tobytes()


PRESETS = {"low": Preset(640, 60), "medium": Preset(1280, 75), "high": Preset(4096, 90)}
