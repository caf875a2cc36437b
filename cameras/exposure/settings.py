"""The settings of exposure control: the member `control` of a programme, and its mask: a grid of 64 x 64 bits over
the picture, as text in JSON. 1 is measured; row by row from the upper left corner, eight cells in a byte, the first
in its highest bit; in base64. Web processes check them, so numpy is imported only when a mask is read."""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, NotRequired, TypeAlias, TypedDict, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from core.api.model import StrictModel, is_number

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


HOUR_US = 3_600_000_000
NAMES = ("exposure_us", "gain", "iso", "f_number")
"""What exposure control can set, in the default order of growth."""
Measure = Literal["mean", "median", "percentile"]


class ExposureControl(TypedDict):
    """`ExposureControlRequest` as JSON. Pairs are [minimum, maximum]."""

    target: float
    measure: Measure
    percentile: NotRequired[float]
    mask: NotRequired[str]
    exposure_us: list[int]
    gain: NotRequired[list[float]]
    iso: NotRequired[list[int]]
    f_number: NotRequired[list[float]]
    order: list[str]
    damping: float
    hysteresis_ev: float


def _pair(least: float, most: float, *, whole: bool = False) -> Callable[[Any], Any]:
    """A validator of [minimum, maximum]."""
    what = "whole numbers" if whole else "numbers"

    def check(value: Any) -> Any:
        pair = list(value) if isinstance(value, list | tuple) else []
        if len(pair) != 2 or not all(is_number(one) and (not whole or isinstance(one, int)) for one in pair):
            raise ValueError(f"must be a list of two {what}: [minimum, maximum].")
        if not least <= pair[0] <= pair[1] <= most:
            raise ValueError(f"must be [minimum, maximum], both from {least:.12g} to {most:.12g}.")
        return pair

    return check


def _known_order(value: list[str]) -> list[str]:
    if unknown := sorted(set(value) - set(NAMES)):
        raise ValueError(f"has the unknown name {unknown[0][:40]!r}. Known are {', '.join(NAMES)}.")
    if len(set(value)) != len(value):
        raise ValueError("has a name twice.")
    return value


Whole: TypeAlias = list[int]
Numbers: TypeAlias = list[float]


class ExposureControlRequest(StrictModel):
    """Automatic exposure. A camera setting without limits is not changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    target: Annotated[float, Field(ge=0.02, le=0.9)] = 0.4
    measure: Measure = "mean"
    percentile: Annotated[float, Field(ge=0, le=100)] | None = None
    mask: Annotated[str, Field(max_length=1000), AfterValidator(check_mask)] | None = None
    exposure_us: Annotated[Whole, BeforeValidator(_pair(1, HOUR_US, whole=True))]
    gain: Annotated[Numbers, BeforeValidator(_pair(0, 1000))] | None = None
    iso: Annotated[Whole, BeforeValidator(_pair(1, 10_000_000, whole=True))] | None = None
    f_number: Annotated[Numbers, BeforeValidator(_pair(0.1, 128))] | None = None
    order: Annotated[list[str], Field(max_length=len(NAMES)), AfterValidator(_known_order)] | None = None
    damping: Annotated[float, Field(ge=0, le=0.95)] = 0.3
    hysteresis_ev: Annotated[float, Field(ge=0, le=3)] = 0.25

    @field_validator("measure", mode="before")
    @classmethod
    def _known_measure(cls, value: Any) -> Any:
        if value not in {"mean", "median", "percentile"}:
            raise ValueError("must be mean, median or percentile.")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> ExposureControlRequest:
        if self.measure == "percentile" and self.percentile is None:
            raise ValueError("percentile is missing: give the percentile from 0 to 100, or use the mean or the median.")
        if self.measure != "percentile" and self.percentile is not None:
            raise ValueError(f"percentile has no meaning with the measure {self.measure}. Leave it out.")
        if self.gain is not None and self.iso is not None:
            raise ValueError("gain and iso exclude each other. Leave one out.")
        if self.order is not None and set(self.order) != set(self._limited()):
            raise ValueError(
                f"order must name each setting that has limits, and no other: {', '.join(self._limited())}."
            )
        return self

    def control(self) -> ExposureControl:
        """As stored in the programme: without the fields that are not given, with the order."""
        dumped = self.model_dump(exclude_none=True) | {"order": self.order or self._limited()}
        return cast(ExposureControl, dumped)

    def _limited(self) -> list[str]:
        return limited_settings(self.model_dump(exclude_none=True))


def limited_settings(control: Any) -> list[str]:
    """The settings that have limits, in the default order of growth."""
    return [name for name in NAMES if control.get(name) is not None]


def growth_order(control: ExposureControl) -> Sequence[str]:
    """The settings that have limits, in the order in which they grow for more light."""
    limited = limited_settings(control)
    ordered = [name for name in control.get("order") or [] if name in limited]
    return [*ordered, *(name for name in limited if name not in ordered)]
