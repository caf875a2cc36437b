"""The service's request and response bodies: all keys of both guides to the service that it replaces. Exposures are
whole microseconds, times ISO 8601 in UTC with Z."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from captures.capturing.requests import HOUR_US
from core.api.model import StrictModel


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


class Health(Body):
    status: str
    camera_connected: bool
    timestamp: str


class Unhealthy(Health):
    """`detail` says what does not answer."""

    detail: str


class Resolution(Body):
    width: int
    height: int


class Settings(Body):
    """The camera's settings as last read back from it; `warning` says what it refused."""

    exposure: int | None
    gain: float | None
    resolution: Resolution
    available_resolutions: list[Resolution]
    connected: bool
    streaming: bool
    warning: str | None = None


class UsedSettings(Body):
    exposure: int | None
    gain: float | None
    resolution: Resolution


class ImageInfo(Body):
    size_bytes: int
    format: str


class Metadata(Body):
    format: str
    quality: int
    camera_connected: bool = Field(alias="cameraConnected")
    simulated_mode: bool = Field(alias="simulatedMode")


class Captured(Body):
    """A saved capture. `id` is the capture's in the station's own API; `warning` says what the camera refused."""

    success: bool
    id: str
    filename: str
    filepath: str
    captured_at: str = Field(alias="capturedAt")
    timestamp: str
    exposure_time: int | None = Field(alias="exposureTime")
    gain: float | None
    file_size: int = Field(alias="fileSize")
    width: int | None
    height: int | None
    sha256: str
    settings: UsedSettings
    image_info: ImageInfo
    metadata: Metadata
    warning: str | None = None


class ListedFile(Body):
    filename: str
    size: int
    modified: str
    filepath: str


class Listed(Body):
    """The service's own captures, newest first; `count` is how many are listed."""

    files: list[ListedFile]
    count: int
    path: str


class Refused(Body):
    """`detail` is for programs; `why` says what happened and what to do."""

    detail: str
    why: str | None = None


class ValidationItem(Body):
    loc: list[str | int]
    msg: str
    type: str


class Invalid(Body):
    detail: list[ValidationItem]


def warning_of(warnings: list[Any]) -> str | None:
    return " ".join(str(warning) for warning in warnings) or None


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
