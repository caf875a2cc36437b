"""Encodes a frame's number in its pixels, so that a test can prove that no frame was lost, duplicated or swapped.

The code is 16 x 5 blocks of 16 x 16 pixels, black or white, 16 pixels from the top left corner: 48 bits of number
and the CRC-32 of those six bytes, most significant bit first. The blocks lie on the grid of JPEG and H.264, and only
their middles are read. So the code survives both (JPEG from quality 50, H.264 up to crf 28) and halving the picture.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
COLUMNS = 16
ROWS = 5
NUMBER_BYTES = 6
LAST_NUMBER = 2 ** (8 * NUMBER_BYTES) - 1
BLACK, WHITE = 16, 235
"""Video's own black and white, so that no conversion clips them."""
DARK, BRIGHT = 0.38, 0.62
"""A block between these (of full scale) is damaged."""


def draw_frame_number(image: NDArray[np.uint8], number: int) -> None:
    """Write `number` (0 to `LAST_NUMBER`) into `image`, (height, width, 3) or (height, width), in place."""
    payload = number.to_bytes(NUMBER_BYTES, "big")
    code = np.frombuffer(payload + zlib.crc32(payload).to_bytes(4, "big"), np.uint8)
    blocks = np.where(np.unpackbits(code), np.uint8(WHITE), np.uint8(BLACK)).reshape(ROWS, COLUMNS)
    pixels = blocks.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    area = image[BLOCK : BLOCK * (ROWS + 1), BLOCK : BLOCK * (COLUMNS + 1)]
    area[...] = pixels if image.ndim == 2 else pixels[..., None]


def read_frame_number(image: NDArray[Any]) -> int | None:
    """The number coded in `image`, or None when there is no undamaged code: never a wrong number.

    `image` is (height, width) or (height, width, channels), uint8 or uint16, in full or in half size.
    """
    for block in (BLOCK, BLOCK // 2):
        number = _read(image, block)
        if number is not None:
            return number
    return None


def _read(image: NDArray[Any], block: int) -> int | None:
    levels = _levels(image, block)
    # A block between black and white could be read as either; the CRC would catch most such errors, but not all.
    if levels is None or np.any((levels > DARK) & (levels < BRIGHT)):
        return None
    code = np.packbits(levels >= BRIGHT).tobytes()
    payload, check = code[:NUMBER_BYTES], code[NUMBER_BYTES:]
    return int.from_bytes(payload, "big") if zlib.crc32(payload).to_bytes(4, "big") == check else None


def _levels(image: NDArray[Any], block: int) -> NDArray[np.float64] | None:
    """(ROWS, COLUMNS): the mean of each block's middle quarter, 0 to 1; None when the picture is too small."""
    area = image[block : block * (ROWS + 1), block : block * (COLUMNS + 1)]
    if area.shape[:2] != (block * ROWS, block * COLUMNS):
        return None
    cells = area.reshape(ROWS, block, COLUMNS, block, -1)
    middle = slice(block // 4, block - block // 4)
    means: NDArray[np.float64] = cells[:, middle, :, middle].mean(axis=(1, 3, 4))
    return means / np.iinfo(image.dtype).max
