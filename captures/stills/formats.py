"""Encodes frames as JPEG."""

from __future__ import annotations

from typing import Any

import numpy as np

JPEG_QUALITY = 95


def encode_jpeg(image: Any, quality: int = JPEG_QUALITY) -> Any:
    """JPEG bytes (a uint8 buffer) of an RGB (height, width, 3) or mono (height, width) image.

    uint16 is reduced to uint8 by dropping the lower byte. ValueError for another shape.
    """
    import cv2

    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 3:
        # OpenCV takes BGR: red and blue would be exchanged.
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    elif image.ndim != 2:
        raise ValueError(f"A picture of shape {image.shape} cannot be a JPEG.")
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV cannot encode the picture as JPEG.")
    return encoded


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Width and height from the beginning of a JPEG; None when `head` does not contain them."""
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(head), formats=["JPEG"]) as image:
            return image.size
    except (UnidentifiedImageError, OSError):
        return None
