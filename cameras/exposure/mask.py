"""The mask of exposure control: a grid of 64 x 64 bits over the picture, as text in JSON. 1 is measured.

Row by row from the upper left corner, eight cells in a byte, the first in its highest bit; in base64.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from typing import TYPE_CHECKING, BinaryIO

# Web processes check masks, and need neither numpy nor Pillow for it.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SIDE = 64
BYTES = SIDE * SIDE // 8
TEXT_LENGTH = 684
HALF = 128
MAX_BYTES = 32_000_000
MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG", "TIFF")


class InvalidMask(ValueError):
    """The message says what is wrong and what to do."""


def check_mask(text: str) -> str:
    """The same text. InvalidMask."""
    _cells(text)
    return text


def mask_grid(text: str) -> NDArray[np.bool_]:
    """(64, 64); True is measured. InvalidMask."""
    import numpy as np

    bits = np.unpackbits(np.frombuffer(_cells(text), np.uint8))
    return bits.reshape(SIDE, SIDE).astype(np.bool_)


def mask_from_image(file: BinaryIO) -> str:
    """The mask of a picture in which the measured region is white. A transparent pixel counts as black.

    A cell is measured if at least half of it is white. InvalidMask.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return _mask_of(file)
    except UnidentifiedImageError:
        raise InvalidMask("The mask is not a picture. Use a PNG, JPEG or TIFF file.") from None
    # Pillow raises all of these for damaged files, SyntaxError for a broken PNG.
    except InvalidMask:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise InvalidMask(f"The mask cannot be decoded: {error}. Save it again as a PNG file.") from None


def _mask_of(file: BinaryIO) -> str:
    from PIL import Image, ImageOps

    if file.seek(0, 2) > MAX_BYTES:
        raise InvalidMask(f"The mask has more than {MAX_BYTES // 1_000_000} MB. A smaller picture is enough.")
    file.seek(0)
    with warnings.catch_warnings():
        # The limit below decides.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise InvalidMask(f"The mask has {image.width} x {image.height} pixels; the limit is {MAX_PIXELS}.")
    grey = _grey(ImageOps.exif_transpose(image)).resize((SIDE, SIDE), Image.Resampling.BOX)
    white = grey.point(lambda value: 255 if value >= HALF else 0).convert("1", dither=Image.Dither.NONE)
    return check_mask(base64.b64encode(white.tobytes()).decode())


def _grey(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):
        # Pillow would clip the upper half of 16 bits to white.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", upper.size, "black"), upper).convert("L")
    return image.convert("L")


def _cells(text: str) -> bytes:
    """The bits of a valid mask. InvalidMask."""
    try:
        cells = base64.b64decode(text, validate=True) if len(text) == TEXT_LENGTH else b""
    except (binascii.Error, ValueError):
        raise InvalidMask("The mask is not base64 text.") from None
    if len(cells) != BYTES:
        raise InvalidMask(f"The mask has {len(text)} characters; 64 x 64 bits in base64 have {TEXT_LENGTH}.")
    if not any(cells):
        raise InvalidMask("The mask measures nothing. Make the region to be measured white.")
    return cells
