"""The settings of exposure control: the member `control` of a programme. Imports no numpy: web processes check them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from cameras.exposure.mask import check_mask
from core.api.model import StrictModel, is_number

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
