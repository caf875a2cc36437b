"""Statistics of a frame, or of a picture file of a camera: brightness, and the shares of saturated and black pixels.
A file is hostile input: known formats, a limit of pixels, one error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cameras.drivers.base import Exposure, Pixels
from cameras.exposure.levels import Levels

SATURATED = 0.98
"""Of full scale: from here on any channel of a pixel counts as saturated."""
BLACK = 0.01
"""Of full scale: up to here a pixel's luma counts as black."""
BINS = 64
SAMPLED_PIXELS = 200_000
LEVELS = {"uint8": 256, "uint16": 4096}
"""The number of counted levels: the upper 12 bits of a 16-bit frame are more than its noise is worth."""
DIGITS = 4


class Unmeasurable(Exception):
    """The picture has no statistics; the message says why."""


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """Fractions of full scale as recorded, and shares of the measured pixels; all from 0 to 1.

    `saturated`: any channel is at least SATURATED. `black`: the luma is at most BLACK. `histogram` is the luma in BINS
    bins. `luma` and `peak` have all levels, of the luma and of the brightest channel.
    """

    mean: float
    median: float
    p1: float
    p99: float
    saturated: float
    black: float
    histogram: tuple[int, ...]
    luma: Levels
    peak: Levels
    controlled: float | None = None
    """The measure of the exposure control, as recorded; None for a picture of a session without one."""

    @classmethod
    def from_levels(cls, luma: Levels, peak: Levels) -> FrameStatistics:
        """ValueError without pixels."""
        return cls(
            mean=luma.mean(),
            median=luma.quantile(0.5),
            p1=luma.quantile(0.01),
            p99=luma.quantile(0.99),
            saturated=peak.share_from(SATURATED),
            black=luma.share_up_to(BLACK),
            histogram=luma.merged(BINS),
            luma=luma,
            peak=peak,
        )


def as_body(statistics: FrameStatistics) -> dict[str, float]:
    """The figures that a capture's row has."""
    names = ("mean", "median", "p1", "p99", "saturated", "black", "controlled")
    values = {name: getattr(statistics, name) for name in names}
    return {name: round(float(value), DIGITS) for name, value in values.items() if value is not None}


def statistics_of(image: Pixels, mask: NDArray[np.bool_] | None = None) -> FrameStatistics:
    """Statistics of about SAMPLED_PIXELS pixels of the frame, spread evenly.

    `image` is (height, width, 3) RGB or (height, width) mono, uint8 or uint16. `mask` is a grid of any size over the
    whole frame; True is measured. Raises Unmeasurable. Source of the luma: ITU-R BT.601.
    """
    if image.dtype.name not in LEVELS or 0 in image.shape or not (image.ndim == 2 or image.shape[2:] == (3,)):
        raise Unmeasurable(f"A frame of {image.dtype} with the shape {image.shape} cannot be measured.")
    sample = _sample(image)
    within = None if mask is None else _stretch(mask, sample.shape[1], sample.shape[0])
    if sample.ndim == 2:
        luma = _count_levels(sample, within)
        return _described(luma, luma)
    red, green, blue = cv2.split(sample)
    peak = cv2.max(cv2.max(red, green), blue)
    luma = _count_levels(cv2.cvtColor(sample, cv2.COLOR_RGB2GRAY), within)
    return _described(luma, _count_levels(peak, within))


def _described(luma: Levels, peak: Levels) -> FrameStatistics:
    if not luma.pixels:
        raise Unmeasurable("The mask covers all pixels of the frame.")
    return FrameStatistics.from_levels(luma, peak)


def _sample(image: Pixels) -> Any:
    """Single pixels at equal distances; OpenCV does it four times as fast as a slice, without the GIL."""
    height, width = image.shape[:2]
    pixels_for_one = height * width / SAMPLED_PIXELS
    rows_for_one = max(1, ceil(sqrt(pixels_for_one)))
    columns_for_one = max(1, round(pixels_for_one / rows_for_one))
    size = max(1, width // columns_for_one), max(1, height // rows_for_one)
    return image if size == (width, height) else cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)


def _stretch(mask: NDArray[np.bool_], width: int, height: int) -> Any:
    return cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)


def _count_levels(channel: Any, within: Any) -> Levels:
    """How many of the pixels inside the mask have each level; of 16 bits the upper 12."""
    if channel.dtype == np.uint8:
        counts = cv2.calcHist([channel], [0], within, [256], [0, 256]).ravel().astype(np.int64)
    else:
        # Three times as fast as OpenCV with 16 bits.
        values = (channel if within is None else channel[within.view(np.bool_)]) >> 4
        counts = np.bincount(values.ravel(), minlength=LEVELS["uint16"])
    return Levels(tuple(counts.tolist()))


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
