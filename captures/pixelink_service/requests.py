"""The service's request bodies and queries. Unknown keys are ignored: existing PixeLink clients may send some."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from captures.capturing.requests import HOUR_US
from core.api.model import StrictModel

Exposure = Annotated[float, Field(ge=1, le=HOUR_US, description="Microseconds; rounded to whole ones.")]
Gain = Annotated[float, Field(ge=0, le=1000)]


class ExposureOptions(StrictModel):
    """Exposure and gain; None keeps the camera's setting."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    exposure: Exposure | None = None
    gain: Gain | None = None

    def settings(self) -> dict[str, Any]:
        exposure_us = None if self.exposure is None else round(self.exposure)
        values = {"exposure_us": exposure_us, "gain": self.gain}
        return {name: value for name, value in values.items() if value is not None}


class SettingsUpdate(ExposureOptions):
    """New settings of the camera."""


class CaptureOptions(ExposureOptions):
    """Settings of one capture; the camera's own settings are not changed."""


class ListQuery(StrictModel):
    limit: Annotated[int, Field(ge=1, le=10_000, description="How many captures to list, newest first.")] = 1000


class FeedQuery(StrictModel):
    quality: Literal["low", "medium", "high"] = "high"
