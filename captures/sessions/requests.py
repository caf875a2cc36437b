"""The parameters of a session, validated before a row is written or a command is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, cast

from django.conf import settings
from django.utils import timezone
from pydantic import AfterValidator, AwareDatetime, Discriminator, Field, Tag, model_validator

from cameras.exposure.settings import ExposureControlRequest
from cameras.models import Camera
from cameras.programmes.kinds import cycle_of
from cameras.spool.records import Programme
from captures.capturing.requests import HOUR_US, ExposureSettings, Text
from captures.sessions.models import MAX_SESSION
from core.times.timestamps import in_utc, stamp

# A session's defaults, read once like all of the configuration.
EXPOSURE_US = max(1, round(settings.STATION.camera.exposure_time * 1e6))
DELAY_S: float = settings.STATION.camera.delay
F_NUMBER: float = settings.STATION.camera.f_number


Exposure = Annotated[int, Field(ge=1, le=HOUR_US)]
Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(in_utc)]
# Not strict: JSON has no tuples.
WindowPair = Annotated[tuple[Moment, Moment], Field(strict=False)]
MAX_WINDOWS = 100
KIND_FIELDS: dict[str, tuple[str, ...]] = {
    "interval": (),
    "bracket": ("exposures_us", "ev_steps"),
    "burst": ("burst",),
}
"""Kind of programme -> the fields of which it needs exactly one, and that no other kind has."""


class SessionRequest(ExposureSettings):
    """The parameters of a session. Defaults are in the `camera` section of the configuration."""

    kind: Annotated[
        Literal["interval", "bracket", "burst"],
        Field(
            description="`interval`: one exposure each time; `bracket`: several exposure times; `burst`: many equal."
        ),
    ] = "interval"
    exposure_us: Exposure = EXPOSURE_US
    exposures_us: Annotated[
        Annotated[list[Exposure], Field(min_length=2, max_length=50)] | None,
        Field(description="Of a bracket: its exposure times, in their order."),
    ] = None
    ev_steps: Annotated[
        Annotated[list[Annotated[float, Field(ge=-20, le=20, strict=False)]], Field(min_length=2, max_length=50)]
        | None,
        Field(description="Of a bracket: its exposures as powers of two of `exposure_us`, such as -2, 0, 2."),
    ] = None
    burst: Annotated[
        Annotated[int, Field(ge=2, le=1000)] | None, Field(description="Of a burst: its number of exposures.")
    ] = None
    control: Annotated[
        Annotated[Literal["fixed"], Tag("fixed")] | Annotated[ExposureControlRequest, Tag("ExposureControlRequest")],
        # Only the errors of what is meant are reported.
        Discriminator(lambda value: "fixed" if isinstance(value, str) else "ExposureControlRequest"),
        Field(description="Automatic exposure with these limits; `fixed` uses the exposure of the request."),
    ] = "fixed"
    delay_s: Annotated[
        Annotated[float, Field(ge=0, le=86_400, strict=False)] | None,
        Field(description=f"Seconds from the end of one exposure to the next start; {DELAY_S:g} without `cadence_s`."),
    ] = None
    cadence_s: Annotated[float, Field(gt=0, le=86_400, strict=False)] | None = None
    f_number: Annotated[float, Field(gt=0, le=128, strict=False)] | None = F_NUMBER
    count: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    until: Moment | None = None
    windows: Annotated[
        Annotated[list[WindowPair], Field(min_length=1, max_length=MAX_WINDOWS)] | None,
        Field(description="Pairs of begin and end: the session captures only inside of them, and ends with the last."),
    ] = None
    name: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.delay_s is not None and self.cadence_s is not None:
            raise ValueError("Give delay_s (from the end of one to the next start) or cadence_s (from start to start).")
        self._check_kind()
        if self.control != "fixed" and self.exposures_us is not None:
            raise ValueError("exposures_us are fixed times. With automatic exposure give the bracket as ev_steps.")
        # Only valid once the kind has its fields.
        if self.cadence_s is not None and self.cadence_s < self._exposures_s():
            exposures = "exposure" if self.kind == "interval" else "exposures of one cycle"
            raise ValueError(f"cadence_s is shorter than the {exposures}.")
        if self.until is not None and self.windows is not None:
            raise ValueError("Give until or windows, not both.")
        if self.until is not None:
            check_end(self.until)
        if self.windows is not None:
            check_windows(self.windows)
        return self

    def _check_kind(self) -> None:
        for kind, names in KIND_FIELDS.items():
            found = [name for name in names if getattr(self, name) is not None]
            if kind != self.kind and found:
                raise ValueError(f"{found[0]} is for the kind {kind}; the kind is {self.kind}.")
            if kind == self.kind and names and len(found) != 1:
                raise ValueError(f"The kind {kind} needs {' or '.join(names)}{', not both' if found else ''}.")

    def _exposures_s(self) -> float:
        """Of one cycle; of automatic exposure the longest."""
        programme = cast(Programme, self.model_dump(mode="json", exclude_none=True, exclude={"control"}))
        chosen = {"exposure_us": self.control.exposure_us[1]} if self.control != "fixed" else None
        cycle = cycle_of(programme, chosen)
        return sum(cycle.exposure_s(shot) for shot in range(len(cycle)))

    def programme(self, camera: Camera) -> dict[str, Any]:
        """The programme for the camera process (`cameras.spool.records.Programme`). The default f-number is left
        out for a camera that is known to have no aperture setting."""
        # As JSON: the row, the command and the session's file have times as text.
        found = self.model_dump(mode="json", exclude_none=True, exclude={"name", "control"})
        known = camera.capabilities.get("settings")
        if known and "f_number" not in known and "f_number" not in self.model_fields_set:
            del found["f_number"]
        if self.cadence_s is None:
            found["delay_s"] = self.delay_s if self.delay_s is not None else DELAY_S
        if self.kind == "interval":
            del found["kind"]
        if self.control != "fixed":
            found["control"] = self.control.control()
        if self.exposures_us is not None:
            del found["exposure_us"]
        if self.until is not None:
            found["until"] = stamp(self.until)
        if self.windows is not None:
            found["windows"] = [[stamp(begin), stamp(end)] for begin, end in windows_from(self.windows, timezone.now())]
        return found


def windows_from(windows: list[tuple[datetime, datetime]], now: datetime) -> list[tuple[datetime, datetime]]:
    """What is left of the windows at `now`: nothing is planned for a time that has passed."""
    return [(max(begin, now), end) for begin, end in windows if end > now]


def check_windows(windows: list[tuple[datetime, datetime]]) -> None:
    """ValueError unless each window ends after it begins and before the next one begins, and the last one can end."""
    for number, (begin, end) in enumerate(windows, start=1):
        if end <= begin:
            raise ValueError(f"Window {number} of windows ends before it begins.")
        if number > 1 and begin < windows[number - 2][1]:
            raise ValueError(f"Window {number} of windows begins before the one before it ends. Give them in order.")
    try:
        check_end(windows[-1][1])
    except ValueError as error:
        raise ValueError(str(error).replace("until", "The last of windows", 1)) from None


def check_end(until: datetime) -> None:
    """ValueError when a session cannot end then: the time is past or too far ahead."""
    left = until - datetime.now(UTC)
    if left <= timedelta(0):
        raise ValueError("until is over already.")
    if left > MAX_SESSION:
        raise ValueError(
            "until is more than ten years ahead. Give an earlier time, or none: the session then runs until stopped."
        )
