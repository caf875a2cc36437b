"""Times in the API's bodies, in notices and on the command line: `2026-11-21T02:07:10.123Z`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer, WithJsonSchema


def stamp(at: datetime) -> str:
    """The aware time `at` in UTC, as ISO 8601 with milliseconds and Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def stamp_or_none(at: datetime | None) -> str | None:
    return stamp(at) if at is not None else None


def stamp_ms(at_ms: int) -> str:
    """The same for milliseconds since 1970."""
    return stamp(datetime.fromtimestamp(at_ms / 1000, UTC))


def in_utc(at: datetime) -> datetime:
    """ValueError without a time zone, or beyond the years 1 to 9999."""
    if at.tzinfo is None:
        raise ValueError("Give a time zone, such as Z.")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is beyond the calendar.") from None


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time of a request, in UTC."""
Stamp = Annotated[datetime, PlainSerializer(stamp, return_type=str), WithJsonSchema({"type": "string"})]
"""A time of an answer: ISO 8601 in UTC with milliseconds and Z."""
Day = Annotated[date, PlainSerializer(date.isoformat, return_type=str), WithJsonSchema({"type": "string"})]
"""A date of an answer: ISO 8601."""
