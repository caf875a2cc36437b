"""Times in the bodies of requests and answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer, WithJsonSchema

from core.times.timestamps import stamp


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
