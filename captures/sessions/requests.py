"""The parameters of a session, validated before a row is written or a command is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from django.conf import settings
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from cameras.models import Camera
from captures.capturing.requests import HOUR_US, ExposureSettings, Text
from core.api.paging import in_utc

MAX_SESSION = timedelta(days=3653)
# A session's defaults, read once like all of the configuration.
EXPOSURE_US = max(1, round(settings.STATION.camera.exposure_time * 1e6))
DELAY_S: float = settings.STATION.camera.delay
F_NUMBER: float = settings.STATION.camera.f_number


class SessionRequest(ExposureSettings):
    """The parameters of an interval session. Defaults are in the `camera` section of the configuration."""

    exposure_us: Annotated[int, Field(ge=1, le=HOUR_US)] = EXPOSURE_US
    delay_s: Annotated[
        Annotated[float, Field(ge=0, le=86_400, strict=False)] | None,
        Field(description=f"Seconds from the end of one exposure to the next start; {DELAY_S:g} without `cadence_s`."),
    ] = None
    cadence_s: Annotated[float, Field(gt=0, le=86_400, strict=False)] | None = None
    f_number: Annotated[float, Field(gt=0, le=128, strict=False)] | None = F_NUMBER
    count: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    until: Annotated[AwareDatetime, Field(strict=False), AfterValidator(in_utc)] | None = None
    name: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.delay_s is not None and self.cadence_s is not None:
            raise ValueError("Give delay_s (from the end of one to the next start) or cadence_s (from start to start).")
        if self.cadence_s is not None and self.cadence_s * 1e6 < self.exposure_us:
            raise ValueError("cadence_s is shorter than the exposure.")
        if self.until is not None:
            check_end(self.until)
        return self

    def programme(self, camera: Camera) -> dict[str, Any]:
        """The programme for the camera process (`cameras.spool.records.Programme`). The default f-number is left
        out for a camera that is known to have no aperture setting."""
        # As JSON: the row, the command and the session's file have `until` as text.
        found = self.model_dump(mode="json", exclude_none=True, exclude={"name"})
        known = camera.capabilities.get("settings")
        if known and "f_number" not in known and "f_number" not in self.model_fields_set:
            del found["f_number"]
        if self.cadence_s is None:
            found["delay_s"] = self.delay_s if self.delay_s is not None else DELAY_S
        return found


def check_end(until: datetime) -> None:
    """ValueError when a session cannot end then: the time is past or too far ahead."""
    left = until - datetime.now(UTC)
    if left <= timedelta(0):
        raise ValueError("until is over already.")
    if left > MAX_SESSION:
        raise ValueError(
            "until is more than ten years ahead. Give an earlier time, or none: the session then runs until stopped."
        )
