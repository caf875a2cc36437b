"""Statistics of a picture file of a camera. A file is hostile input: known formats, a limit of pixels, one error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cameras.drivers.base import Exposure
from cameras.exposure.statistics import SAMPLED_PIXELS, FrameStatistics, Unmeasurable, statistics_of

MAX_PIXELS = 160_000_000
FORMATS = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF"}
FULL_SCALE = 65535


def statistics_of_exposure(exposure: Exposure, mask: NDArray[np.bool_] | None = None) -> FrameStatistics:
    """Of the frame, else of the file that is decoded fastest. Raises Unmeasurable and the transfer's CameraError."""
    if exposure.frame is not None:
        return statistics_of(exposure.frame.image, mask)
    files = {file.kind: file for file in exposure.files}
    for kind in DECODERS:
        if kind in files:
            return statistics_of_file(io.BytesIO(b"".join(files[kind].chunks())), kind, mask)
    raise Unmeasurable("The exposure has neither a frame nor a picture file.")


def statistics_of_file(file: BinaryIO, kind: str, mask: NDArray[np.bool_] | None = None) -> FrameStatistics:
    """Of the upright picture, as the mask is drawn on it: `jpeg`, `png`, `tiff`, or the preview inside a `raw`.

    Raises Unmeasurable.
    """
    if kind not in DECODERS:
        raise Unmeasurable(f"Files of the kind {kind!r} cannot be measured.")
    try:
        image = DECODERS[kind](file)
    except UnidentifiedImageError:
        raise Unmeasurable(f"The file is not a picture of the kind {kind!r}.") from None
    # Pillow raises all of these for damaged files, SyntaxError for a broken PNG.
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise Unmeasurable(f"The picture cannot be decoded: {error}") from None
    return statistics_of(image, mask)


def _decode(form: str) -> Callable[[BinaryIO], Any]:
    def decode(file: BinaryIO) -> Any:
        with warnings.catch_warnings():
            # Pillow warns from 89 million pixels on, which a camera can have; the limit below decides.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=[form])
        _check_size(image.width, image.height)
        # A JPEG is then decoded at a fraction of its size; other formats ignore it.
        fraction = min(1.0, (SAMPLED_PIXELS / (image.width * image.height)) ** 0.5)
        image.draft("RGB", (max(1, int(image.width * fraction)), max(1, int(image.height * fraction))))
        return _pixels_of(image)

    return decode


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Unmeasurable(f"The picture has {width} x {height} pixels; the limit is {MAX_PIXELS}.")


def _pixels_of(image: Image.Image) -> Any:
    """The decoded and rotated pixels, as `statistics_of` needs them."""
    if image.mode == "F":
        raise Unmeasurable("A picture of floating-point values has no full scale.")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        return np.clip(np.asarray(upright), 0, FULL_SCALE).astype(np.uint16)
    return np.asarray(upright.convert("L" if upright.mode in {"1", "L", "LA"} else "RGB"))


def _decode_raw(file: BinaryIO) -> Any:
    """The preview that the camera put into its RAW file, else the developed raw pixels."""
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            _check_size(raw.sizes.raw_width, raw.sizes.raw_height)
            try:
                found, flip = raw.extract_thumb(), raw.sizes.flip
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                # Without `no_auto_bright` each picture is as bright as any other.
                return raw.postprocess(half_size=True, use_camera_wb=True, no_auto_bright=True)
    except rawpy.LibRawError as error:
        raise Unmeasurable(f"The RAW file has no readable picture: {error}") from None
    if found.format == rawpy.ThumbFormat.BITMAP:
        return np.ascontiguousarray(np.rot90(found.data, TURNS_OF_FLIP.get(flip, 0)))
    preview = bytes(found.data)
    # Cameras write the orientation into the RAW file, its preview, or both: a preview is not rotated twice.
    own = Image.open(io.BytesIO(preview), formats=["JPEG"]).getexif().get(ExifTags.Base.Orientation, 1)
    pixels = _decode("JPEG")(io.BytesIO(preview))
    return np.ascontiguousarray(np.rot90(pixels, TURNS_OF_FLIP.get(flip, 0) if own == 1 else 0))


TURNS_OF_FLIP = {3: 2, 5: 1, 6: 3}
"""LibRaw's flip -> the quarter turns to the left that set the picture upright."""
DECODERS: dict[str, Callable[[BinaryIO], Any]] = {
    **{kind: _decode(form) for kind, form in FORMATS.items()},
    "raw": _decode_raw,
}
"""In the order of preference: a JPEG is decoded at a fraction of its size."""
