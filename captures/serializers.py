"""Bodies and queries of the API for captures and sessions, validated before a row is written or a command is sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from captures.bodies import CaptureBody, SessionBody
from captures.capturing.models import CaptureStatus
from captures.capturing.requests import SessionRequest
from captures.selectors import DayCount
from captures.sessions.models import SessionState
from core.api.model import StrictModel
from core.api.paging import Links, PageQuery, Query, TimeQuery

MAX_DAYS = 400
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
IDEMPOTENCY_KEY: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=120, pattern=r"^[\x21-\x7e]*$")])


class StartBody(SessionRequest):
    """Give the exposure in microseconds (`exposure_us`) or in seconds (`exposure_s`)."""

    exposure_s: Annotated[Seconds | None, Field(exclude=True)] = None
    dry_run: Annotated[bool, Field(exclude=True, description="Only return the forecast.")] = False

    @model_validator(mode="before")
    @classmethod
    def _read_seconds(cls, given: Any) -> Any:
        return _in_microseconds(given, "exposure_s")


class SeedStartBody(StartBody):
    """Also accepts the seed's names `exposure` and `delay`, in seconds."""

    exposure: Annotated[Seconds | None, Field(exclude=True)] = None
    delay: Annotated[float | None, Field(ge=0, le=86_400, exclude=True)] = None

    @model_validator(mode="before")
    @classmethod
    def _read_seed_names(cls, given: Any) -> Any:
        given = _in_microseconds(given, "exposure")
        if not isinstance(given, dict) or given.get("delay") is None:
            return given
        if given.get("delay_s") is not None:
            raise ValueError("Give `delay` or `delay_s`, not both.")
        return {**given, "delay_s": given["delay"]}


class RecordBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["rolling", "manual"] = Field(
        "rolling", description="Retention deletes old rolling clips, never manual ones. Without it: the current kind."
    )

    @property
    def named(self) -> str:
        """The requested kind; empty without one."""
        return self.kind if "kind" in self.model_fields_set else ""


def _in_microseconds(given: Any, name: str) -> Any:
    """Adds `exposure_us` for a time in seconds. Seconds that are not a valid number are left to their own field's
    validation."""
    seconds = given.get(name) if isinstance(given, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        return given
    if given.get("exposure_us") is not None:
        raise ValueError(f"Give the exposure once: `{name}` or another, not both.")
    return {**given, "exposure_us": max(1, round(seconds * 1e6))}


class CaptureQuery(TimeQuery):
    camera: Slug | None = None
    session: UUID | None = None
    status: CaptureStatus | None = None
    simulated: bool | None = None

    def conditions(self) -> dict[str, Any]:
        found = {
            "session_id": self.session,
            "status": self.status,
            "simulated": self.simulated,
            "started_at__gte": self.from_,
            "started_at__lt": self.to,
        }
        return {name: value for name, value in found.items() if value is not None}


class SessionQuery(PageQuery):
    camera: Slug | None = None
    state: SessionState | None = None


class FileQuery(Query):
    kind: (
        Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9]+$", description="Without it: the primary file.")] | None
    ) = None
    download: Annotated[bool, Field(description="Offer the file for saving instead of showing it.")] = False


def _integer(given: object) -> object:
    """ValueError for a text that is not a number. A parameter given twice is a list, which the field refuses."""
    return int(given) if isinstance(given, str) else given


class ThumbnailQuery(Query):
    size: Annotated[
        Literal[320, 800, 2048], BeforeValidator(_integer), Field(description="Pixels of the longest side, at most.")
    ] = 320


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write a name such as Europe/Berlin.")
    return name


class CalendarQuery(Query):
    """Days of the time zone `tz`, both ends inclusive; without `from`, the 31 days up to `to`."""

    camera: Slug | None = None
    status: CaptureStatus | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    tz: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    def days(self) -> tuple[date, date]:
        last = self.to or datetime.now(UTC).astimezone(self.zone).date()
        return self.from_ or last - timedelta(days=30), last

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if any(day and not 1970 <= day.year <= 9000 for day in (self.from_, self.to)):
            raise ValueError("Days are from 1970 to 9000.")
        first, last = self.days()
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise ValueError(f"`from` must not be after `to`, and at most {MAX_DAYS} days are counted at once.")
        return self


class CapturePage(Links):
    results: list[CaptureBody]


class SessionPage(Links):
    results: list[SessionBody]


class Calendar(TypedDict):
    tz: str
    results: list[DayCount]
