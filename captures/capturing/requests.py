"""The parameters of a capture and of a session, validated before a row is written or a command is sent.
Django-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
)

from core.api.model import StrictModel
from core.text.names import Line, Note

if TYPE_CHECKING:
    from cameras.models import Camera

HOUR_US = 3_600_000_000
Text = Annotated[Line, Field(max_length=120)]


class ExposureSettings(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    gain: Annotated[float, Field(ge=0, le=1000, strict=False)] | None = None
    iso: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    f_number: Annotated[float, Field(gt=0, le=128, strict=False)] | None = None
    format: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9+ ._()-]+$")] | None = None
    options: Annotated[
        Annotated[dict[str, bool | str | dict[str, str]], Field(max_length=100)] | None,
        Field(description="Of each capture: those that the camera declares in its `capabilities/`."),
    ] = None


class CaptureRequest(ExposureSettings):
    """The parameters of one still. None: the camera's setting."""

    exposure_us: Annotated[int, Field(ge=1, le=HOUR_US)] | None = None
    job: Text = ""
    note: Annotated[Note, Field(max_length=2000)] = ""

    def requested_settings(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude={"job", "note"})

    def exposure_s(self, camera: Camera) -> float:
        """Exposure in seconds: the requested one, else the camera's setting."""
        # The value in use comes first: it may differ from the desired one.
        own = camera.read_back.get("exposure_us") or camera.settings.get("exposure_us") or 1_000_000
        return float(self.exposure_us or own) / 1e6
