"""What may be asked of the service. Unknown keys are ignored, as they always were."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from captures.requests import HOUR_US
from core.model import StrictModel

Exposure = Annotated[int, Field(ge=1, le=HOUR_US, description="Microseconds.")]
Gain = Annotated[float, Field(ge=0, le=1000)]


class Asked(StrictModel):
    """Exposure and gain; None means: as the camera is set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    exposure: Exposure | None = None
    gain: Gain | None = None

    def settings(self) -> dict[str, Any]:
        values = {"exposure_us": self.exposure, "gain": self.gain}
        return {name: value for name, value in values.items() if value is not None}


class SettingsUpdate(Asked):
    """What the camera is to have from now on."""


class CaptureOptions(Asked):
    """What one capture is to be made with; the camera's own settings stay as they are."""


class ListQuery(StrictModel):
    limit: Annotated[int, Field(ge=1, le=10_000, description="The newest so many.")] = 1000


class FeedQuery(StrictModel):
    quality: Literal["low", "medium", "high"] = "high"
