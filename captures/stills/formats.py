"""Encodes frames in the formats that a camera can keep. `image` is as in `FrameData`."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from PIL.ExifTags import Base

from cameras.drivers.base import Pixels
from cameras.spool.durable import Chunk
from captures.stills.facts import StillFacts
from captures.stills.fits import fits_chunks
from captures.stills.metadata import exif_of, xmp_of

JPEG_QUALITY = 95
SOI = b"\xff\xd8"
XMP_OF_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
EXIF_HEAD = b"Exif\0\0"
PNG_BEGIN_BYTES = 33
"""Signature and IHDR, which comes first."""
UNCOMPRESSED, BLACK_IS_ZERO, RGB, INTERLEAVED = 1, 1, 2, 1
"""Values of TIFF tags."""
XMP_OF_PNG = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Keyword, no compression, no language, no translated keyword."""


@dataclass(slots=True)
class Encoding:
    """How a frame is encoded, and the sentences about what a format could not hold."""

    facts: StillFacts
    jpeg_quality: int = JPEG_QUALITY
    fits_compression: str = "none"
    warnings: list[str] = field(default_factory=list)


def jpeg_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    exif = _segment(exif_of(encoding.facts).tobytes())
    xmp = _segment(XMP_OF_JPEG + xmp_of(encoding.facts))
    jpeg = memoryview(encode_jpeg(image, encoding.jpeg_quality)).cast("B")
    if jpeg[:2] != SOI:
        raise ValueError("The data is not a JPEG.")
    # The metadata come first; the picture itself is not copied.
    return [SOI + exif + xmp, jpeg[2:]]


def _segment(content: bytes) -> bytes:
    """An APP1 segment."""
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content


def png_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    png = memoryview(_encode(".png", image, [])).cast("B")
    exif = _png_chunk(b"eXIf", exif_of(encoding.facts).tobytes().removeprefix(EXIF_HEAD))
    xmp = _png_chunk(b"iTXt", XMP_OF_PNG + xmp_of(encoding.facts))
    return [png[:PNG_BEGIN_BYTES], exif + xmp, png[PNG_BEGIN_BYTES:]]


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def tiff_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    """An uncompressed TIFF. A block of EXIF is a TIFF without pixels, so it becomes the head; the pixels follow as they
    are in memory."""
    channels = 3 if image.ndim == 3 else 1
    exif = exif_of(encoding.facts)
    exif.endian = "<" if sys.byteorder == "little" else ">"
    tags = {
        Base.ImageWidth: image.shape[1],
        Base.ImageLength: image.shape[0],
        Base.BitsPerSample: (8 * image.itemsize,) * channels,
        Base.Compression: UNCOMPRESSED,
        Base.PhotometricInterpretation: RGB if channels == 3 else BLACK_IS_ZERO,
        Base.SamplesPerPixel: channels,
        Base.RowsPerStrip: image.shape[0],
        Base.StripByteCounts: image.nbytes,
        Base.PlanarConfiguration: INTERLEAVED,
        Base.XMLPacket: xmp_of(encoding.facts),
        # Pillow adds the length of the head.
        Base.StripOffsets: 0,
    }
    for tag, value in tags.items():
        exif[tag] = value
    pixels: Any = image
    return [exif.tobytes().removeprefix(EXIF_HEAD), memoryview(pixels).cast("B")]


def fits_file_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    return fits_chunks(image, encoding.facts, encoding.fits_compression, encoding.warnings.append)


class Format(NamedTuple):
    suffix: str
    encode: Callable[[Pixels, Encoding], list[Chunk]]


FORMATS = {
    "jpeg": Format(".jpg", jpeg_chunks),
    "png": Format(".png", png_chunks),
    "tiff": Format(".tif", tiff_chunks),
    "fits": Format(".fits", fits_file_chunks),
}
"""The formats of `cameras.runtime.file_formats.KEEP_FORMATS`."""


def encode_jpeg(image: Any, quality: int = JPEG_QUALITY) -> Any:
    """JPEG bytes (a uint8 buffer) of an RGB (height, width, 3) or mono (height, width) image.

    uint16 is reduced to uint8 by dropping the lower byte. ValueError for another shape.
    """
    import cv2

    if image.dtype == np.uint16:
        # Into 8 bits at once: another frame of 16 bits in between would be 144 MB of 24 megapixels.
        image = np.right_shift(image, 8, out=np.empty(image.shape, np.uint8), casting="unsafe")
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, image: Any, options: list[int]) -> Any:
    """A uint8 buffer. ValueError for another shape."""
    import cv2

    if image.ndim == 3:
        # OpenCV takes BGR: red and blue would be exchanged.
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    elif image.ndim != 2:
        raise ValueError(f"A picture of shape {image.shape} cannot be encoded.")
    done, encoded = cv2.imencode(suffix, image, options)
    if not done:
        raise ValueError(f"OpenCV cannot encode the picture as {suffix}.")
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
