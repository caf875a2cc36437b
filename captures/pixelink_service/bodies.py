"""The service's response bodies: all keys of both guides to the service that it replaces.

Exposures are whole microseconds, times ISO 8601 in UTC with Z.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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
