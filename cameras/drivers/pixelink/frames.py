"""Converts raw frames to pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import CameraError, Pixels
from cameras.drivers.pixelink.sdk import call, library
from cameras.drivers.pixelink.session import Raw

SIXTEEN_BITS = frozenset({4, 6, 10, 11, 12, 19})
"""The colour formats with 16 bits per channel: Bayer in its four patterns, RGB48."""


def picture(raw: Raw) -> Pixels:
    """(height, width) for a mono camera, else (height, width, 3) RGB; uint8, or uint16 with its most
    significant bit in bit 15.

    CameraError incomplete for a frame with an implausible description.
    """
    height, width = size(raw.description)
    formats, own = library().PixelFormat, int(raw.description.PixelFormat.fValue)
    pixels = height * width
    # The description comes from the camera, and PxLFormatImage takes no size of its source: it would read beyond the
    # buffer.
    if not 0 < pixels * library().getBytesPerPixel(own) <= raw.pixels.size:
        raise _damaged_frame()
    if own == formats.MONO8:
        # A copy: the session reads the next frame into the same buffer.
        return raw.pixels[:pixels].reshape(height, width).copy()
    if own == formats.MONO16:
        # most significant byte first, as the camera sends it
        return raw.pixels[: 2 * pixels].view(">u2").reshape(height, width).astype(np.uint16)
    if own in SIXTEEN_BITS:
        return _formatted(raw, library().ImageFormat.RAW_RGB48)[: 6 * pixels].view(np.uint16).reshape(height, width, 3)
    # Not RAW_RGB24: that is the bottom-up form of Windows bitmaps.
    return _formatted(raw, library().ImageFormat.RAW_RGB24_NON_DIB)[: 3 * pixels].reshape(height, width, 3)


def size(description: Any) -> tuple[int, int]:
    """Height and width in pixels, after binning and decimation."""
    roi, by = description.Roi, description.PixelAddressingValue
    reported = (roi.fHeight, by.fVertical, roi.fWidth, by.fHorizontal, description.PixelFormat.fValue)
    if not all(map(math.isfinite, reported)) or by.fVertical < 1 or by.fHorizontal < 1:
        raise _damaged_frame()
    return int(roi.fHeight / by.fVertical), int(roi.fWidth / by.fHorizontal)


def _formatted(raw: Raw, image_format: int) -> NDArray[np.uint8]:
    (image,) = call("formatNumPyImage", raw.pixels, raw.description, image_format)
    return np.frombuffer(image, np.uint8)


def _damaged_frame() -> CameraError:
    return CameraError("The camera sent a damaged frame. Check its cable.", reason="incomplete")
