"""The parameters of a schedule, validated before a row is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from captures.sessions.requests import Moment, SessionRequest
from core.api.model import StrictModel
from core.text.names import Line

TWILIGHTS = {"sunset": -0.833, "civil": -6.0, "nautical": -12.0, "astronomical": -18.0}
"""Name of an altitude of the Sun -> degrees."""
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
OFFSET_S = 12 * 3600
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
Day = Annotated[date, Field(strict=False)]


def altitude_of(value: Any) -> Any:
    """The altitude in degrees that a name means; another value unchanged."""
    if isinstance(value, str) and value not in TWILIGHTS:
        raise ValueError(f"must be {', '.join(TWILIGHTS)} or a number of degrees.")
    return TWILIGHTS[value] if isinstance(value, str) else value


class Part(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SunWindow(Part):
    """From the Sun going below an altitude to its rising above it."""

    sun: Annotated[
        float,
        Field(ge=-90, le=30, description="degrees, or `sunset`, `civil`, `nautical`, `astronomical`"),
        BeforeValidator(altitude_of),
    ]
    begin_offset_s: Annotated[float, Field(ge=-OFFSET_S, le=OFFSET_S, description="added to the begin")] = 0.0
    end_offset_s: Annotated[float, Field(ge=-OFFSET_S, le=OFFSET_S, description="added to the end")] = 0.0


class ClockWindow(Part):
    """Between two times of the site's clock; over midnight if the end is not after the begin."""

    begin: Annotated[str, Field(pattern=CLOCK, description="HH:MM")]
    end: Annotated[str, Field(pattern=CLOCK, description="HH:MM")]


def kind_of_window(value: Any) -> str:
    """Which of the two windows is meant, so that only its errors are reported."""
    if isinstance(value, Mapping):
        return "SunWindow" if "sun" in value or not {"begin", "end"} & value.keys() else "ClockWindow"
    return "ClockWindow" if isinstance(value, ClockWindow) else "SunWindow"


Window = Annotated[
    Annotated[SunWindow, Tag("SunWindow")] | Annotated[ClockWindow, Tag("ClockWindow")], Discriminator(kind_of_window)
]


class MoonRequest(Part):
    """The sky counts as dark while one of these is met."""

    max_phase: Annotated[float | None, Field(ge=0, le=1, description="of the disc, illuminated: 0 to 1")] = None
    max_altitude: Annotated[float | None, Field(ge=-90, le=90, description="degrees above the horizon")] = None

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if self.max_phase is None and self.max_altitude is None:
            raise ValueError("Give max_phase, max_altitude or both; leave moon out to ignore the Moon.")
        return self


class ScheduleProgramme(SessionRequest):
    """As for a session, without the fields that the schedule decides."""

    @field_validator("until", "windows", "name")
    @classmethod
    def _refuse_times(cls, value: Any) -> Any:
        if value:
            raise ValueError("belongs to the schedule: its window says when it captures, and it has a name.")
        return value


def check_unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("has an entry twice.")
    return values


class ScheduleRequest(Part):
    """A schedule as it should be."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    cameras: Annotated[list[Slug], Field(min_length=1, max_length=100), AfterValidator(check_unique)]
    programme: ScheduleProgramme = ScheduleProgramme()
    window: Window
    moon: MoonRequest | None = None
    weekdays: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]],
        Field(description="of the evening; empty: all"),
        AfterValidator(check_unique),
    ] = []
    first_night: Day | None = None
    last_night: Day | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    enabled: bool = True
    on_held: Annotated[
        Literal["wait", "take_over"], Field(description="What a run does at its begin while a person holds the camera.")
    ] = "wait"

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.first_night and self.last_night and self.last_night < self.first_night:
            raise ValueError("last_night is before first_night.")
        return self

    def stored(self) -> dict[str, Any]:
        """The columns of the row, without the cameras. Of the programme only what was given: defaults may change."""
        return {
            "name": self.name,
            "programme": self.programme.model_dump(mode="json", exclude_unset=True),
            "window": self.window.model_dump(mode="json"),
            "moon": self.moon.model_dump(mode="json") if self.moon else None,
            "weekdays": list(self.weekdays),
            "first_night": self.first_night,
            "last_night": self.last_night,
            "priority": self.priority,
            "enabled": self.enabled,
            "on_held": self.on_held,
        }


class NightRequest(Part):
    """How one night of a schedule should differ. Without `night`: the present night, or the coming one by day."""

    night: Day | None = None
    skip: Annotated[bool, Field(description="No run in this night.")] = False
    begin: Annotated[Moment | None, Field(description="Begin at this time, instead of the one by the window.")] = None
    end: Annotated[Moment | None, Field(description="End at this time, instead of the one by the window.")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.skip and (self.begin or self.end):
            raise ValueError("A night that is skipped has neither begin nor end.")
        if not self.skip and not self.begin and not self.end:
            raise ValueError("Give skip, begin or end.")
        if self.begin and self.end and self.end <= self.begin:
            raise ValueError("end is not after begin.")
        return self
