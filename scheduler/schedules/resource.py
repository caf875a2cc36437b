"""Schedules as a resource."""

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
    model_validator,
)

from core.resources.fields import Changes, Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Id, ModelAt, Option, SaidBy
from core.text.names import Line
from core.times import timestamps
from core.times.timestamps import Day, Stamp

TWILIGHTS = {"sunset": -0.833, "civil": -6.0, "nautical": -12.0, "astronomical": -18.0}
"""Name of an altitude of the Sun -> degrees."""
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
OFFSET_S = 12 * 3600
NIGHT: dict[str, Any] = {"allowed": "a date such as 2027-03-01", "unset": "none"}
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
Night = Annotated[date, Field(strict=False)]
Moment = Annotated[timestamps.Moment, Field(strict=False)]
Offset = Annotated[float, Field(ge=-OFFSET_S, le=OFFSET_S)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DESCRIPTIONS = "scheduler.schedules.descriptions"


def altitude_of(value: Any) -> Any:
    """The altitude in degrees that a name means; another value unchanged."""
    if isinstance(value, str) and value not in TWILIGHTS:
        raise ValueError(f"must be {', '.join(TWILIGHTS)} or a number of degrees.")
    return TWILIGHTS[value] if isinstance(value, str) else value


def check_unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("has an entry twice.")
    return values


class Part(Fields):
    model_config = ConfigDict(frozen=True, strict=True)


class SunWindow(Part):
    """From the Sun going below an altitude to its rising above it."""

    sun: Annotated[float, Field(ge=-90, le=30), BeforeValidator(altitude_of)] = field(
        title="Sun below", help="degrees, or `sunset`, `civil`, `nautical`, `astronomical`"
    )
    begin_offset_s: Offset = field(0.0, title="Begin later by", help="added to the begin")
    end_offset_s: Offset = field(0.0, title="End later by", help="added to the end")


class ClockWindow(Part):
    """Between two times of the site's clock; over midnight if the end is not after the begin."""

    begin: str = field(title="From", help="HH:MM", pattern=CLOCK)
    end: str = field(title="To", help="HH:MM", pattern=CLOCK)


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

    max_phase: float | None = field(None, title="Moon lit", help="of the disc, illuminated: 0 to 1", ge=0, le=1)
    max_altitude: float | None = field(None, title="Moon height", help="degrees above the horizon", ge=-90, le=90)

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if self.max_phase is None and self.max_altitude is None:
            raise ValueError("Give max_phase, max_altitude or both; leave moon out to ignore the Moon.")
        return self


class ScheduleRequest(Part):
    """A schedule as it should be."""

    name: Annotated[Line, Field(min_length=1, max_length=60)] = field(
        title="Name", help="Name of the schedule, unique without regard to case.", allowed="1 to 60 characters"
    )
    cameras: Annotated[list[Slug], AfterValidator(check_unique), Option("--camera")] = field(
        title="Cameras", help="Cameras that it uses.", allowed="a list of cameras' ids", min_length=1, max_length=100
    )
    programme: Annotated[Any, ModelAt("scheduler.schedules.descriptions.ScheduleProgramme")] = field(
        {}, title="Captures", help="What it captures, as of a session.", unset="the defaults of a session",
        allowed="a mapping such as {exposure_us: 8000000, cadence_s: 12}", validate_default=True,
    )  # fmt: skip
    window: Window = field(
        title="When", help="When it captures: while the Sun is below an altitude, or between two times of the site's "
        "clock.", allowed="`sun` (sunset, civil, nautical, astronomical or degrees), with `begin_offset_s` and "
        "`end_offset_s`; or `begin` and `end` (HH:MM)",
    )  # fmt: skip
    moon: MoonRequest | None = field(
        None, title="Moon", help="Captures only while one of these is met.", unset="the Moon is ignored",
        allowed="`max_phase` (0 to 1), `max_altitude` (degrees), or both",
    )  # fmt: skip
    weekdays: Annotated[list[Weekday], AfterValidator(check_unique)] = field(
        [], title="Days", help="Only nights whose evening is on these days.", unset="all",
        allowed="a list of mon to sun",
    )  # fmt: skip
    first_night: Night | None = field(None, title="First night", help="No night before this one.", **NIGHT)
    last_night: Night | None = field(None, title="Last night", help="No night after this one.", **NIGHT)
    priority: int = field(
        0, title="Priority", help="Of two schedules at the same time the higher one has the camera.", ge=-100, le=100
    )
    enabled: bool = field(True, title="Use", help="Whether it is used.")
    on_held: Literal["wait", "take_over"] = field(
        "wait", title="Camera held", help="What a run does at its begin while a person holds the camera."
    )

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.first_night and self.last_night and self.last_night < self.first_night:
            raise ValueError("last_night is before first_night.")
        return self

    def stored(self) -> dict[str, Any]:
        """The columns of the row, without the cameras. Of the programme only what was given: defaults may change."""
        parts = self.model_dump(mode="json", include={"window", "moon"})
        programme = self.programme.model_dump(mode="json", exclude_unset=True)
        return {**self.model_dump(exclude={"cameras"}), **parts, "programme": programme}


class ScheduleChange(ScheduleRequest, Changes):
    """Only what is given changes. null removes a first or a last night."""

    enabled: bool = field(True, title="Use", help="A run that has begun continues.")

    def given(self) -> dict[str, Any]:
        # As JSON: the row has the programme as it was given.
        return self.model_dump(mode="json", exclude_unset=True)


class NightRequest(Part):
    """How one night of a schedule should differ. Without `night`: the present night, or the coming one by day."""

    night: Night | None = field(None, title="Night", help="The date of its evening.")
    skip: bool = field(False, title="Skip", help="No run in this night.")
    begin: Moment | None = field(None, title="Begin", help="Begin at this time, instead of the one by the window.")
    end: Moment | None = field(None, title="End", help="End at this time, instead of the one by the window.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.skip and (self.begin or self.end):
            raise ValueError("A night that is skipped has neither begin nor end.")
        if not self.skip and not self.begin and not self.end:
            raise ValueError("Give skip, begin or end.")
        if self.begin and self.end and self.end <= self.begin:
            raise ValueError("end is not after begin.")
        return self


class NightChangeBody(Fields):
    night: Day
    skip: bool
    begin: Annotated[Stamp | None, Column("begins_at")]
    end: Annotated[Stamp | None, Column("ends_at")]
    changed_by: str


class ScheduleBody(ScheduleRequest):
    id: Annotated[Id, Column("pk")]
    cameras: Annotated[list[str], Column("camera_slugs")]
    window: Annotated[dict[str, Any], SaidBy(f"{DESCRIPTIONS}.window_sentence")]  # type: ignore[assignment]
    programme: Annotated[dict[str, Any], SaidBy(f"{DESCRIPTIONS}.captures_sentence")]
    moon: Annotated[dict[str, Any] | None, SaidBy(f"{DESCRIPTIONS}.moon_sentence")]  # type: ignore[assignment]
    first_night: Day | None
    last_night: Day | None
    changes: Annotated[list[NightChangeBody], SaidBy(f"{DESCRIPTIONS}.changes_text")]
    created_by: str
    created: Annotated[Stamp, Column("created_at")]


class NightRunBody(Fields):
    id: str
    camera: str
    schedule: str
    begin: Stamp
    end: Stamp
    state: str = field(help="That of its session; `planned` before it has one.")


class ChangedNightBody(Fields):
    night: Annotated[Day, Column("change.night")]
    skip: Annotated[bool, Column("change.skip")]
    begin: Annotated[Stamp | None, Column("change.begins_at")]
    end: Annotated[Stamp | None, Column("change.ends_at")]
    changed_by: Annotated[str, Column("change.changed_by")]
    before: list[NightRunBody] = field(
        help="The runs of the night on the cameras of the schedule, also those of other schedules, before the change."
    )
    runs: Annotated[list[NightRunBody], Column("after")] = field(help="The same after it.")
    remarks: list[str] = field(help="What the change did to runs, and what it left as it was.")


SCHEDULES = Resource(
    name="schedules",
    noun="schedule",
    path="schedules/",
    package="scheduler",
    service="editing.service.ScheduleService",
    rows="schedules.descriptions.schedules_for",
    row="schedules.descriptions.schedule_for",
    answer=ScheduleBody,
    operations=(
        Operation("list", "viewer", "List the schedules, the highest priority first."),
        Operation("show", "viewer", "Show the schedule."),
        Operation(
            "add", "operator", "Add a schedule. Its runs of the next nights are planned at once.", "add",
            ScheduleRequest, "The schedule {name} was added. `skycam tonight` shows its runs.", arguments=("name",),
            example='schedules add "Dark sky" -c dslr --sun astronomical -e 8s --every 12s',
        ),
        Operation(
            "replace", "operator", "Replace the schedule. A field that is missing gets its default.", "change",
            ScheduleRequest, command=None,
        ),
        Operation(
            "change", "operator", "Change the schedule. Only what is given changes; a run that has begun stays.",
            "change_given", ScheduleChange,
        ),
        Operation(
            "remove", "operator", "Remove the schedule and its runs that have not begun. A session that runs "
            "continues.", "remove",
        ),
        Operation(
            "night", "operator", "Skip a night of the schedule, or begin or end it at another time. The answer has the "
            "runs of the night before and after, with `remarks` about what the change did. A run that has begun keeps "
            "its times.", "change_night", NightRequest, command=None, answer=ChangedNightBody,
        ),
    ),
    commands="schedules",
    columns=("name", "cameras", ("when", "window"), ("captures", "programme"), "priority", ("on", "enabled")),
    empty="No schedules.",
)  # fmt: skip
