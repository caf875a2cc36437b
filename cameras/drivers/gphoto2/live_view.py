"""Preview pictures as frames: decoded, numbered, and limited to 15 a second."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from cameras.drivers.base import CameraError, Clock, FrameData
from cameras.drivers.gphoto2.session import Session

INTERVAL_S = 1 / 15


class LiveView:
    """The live view of one session; frame numbers increase since `open`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_at = 0.0
        self._number = 0

    def wait_until_due(self, deadline: float) -> bool:
        """Wait until the next frame is due; False when the deadline comes first or the wait is interrupted."""
        until = min(self._next_at, deadline)
        return not self._clock.wait(until - self._clock.monotonic()) and self._next_at <= deadline

    def read_frame(self, session: Session) -> FrameData:
        """The next frame; CameraError for a preview that is not a picture."""
        # Before the preview, so that its duration counts as part of the interval.
        self._next_at = self._clock.monotonic() + INTERVAL_S
        image = decode_jpeg(session.preview())
        self._number += 1
        return FrameData(image, self._clock.wall_ns(), self._clock.monotonic(), self._number)


def decode_jpeg(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """(height, width, 3) RGB uint8."""
    try:
        # Only this decoder: Pillow would try all of its formats on bytes that the camera controls.
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            return np.array(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise CameraError(f"The camera's live view sent no picture ({error}). Skycam reopens the camera.") from None
