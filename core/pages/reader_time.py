"""Dates and times that a reader types: in the time zone that the reader has chosen (the station's or UTC)."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from core.times.datetimes import InvalidDateTime, parse_datetime


def reader_datetime(text: str) -> datetime:
    """The moment, in UTC, of a date and time in the reader's zone or in the one that it names.

    Raises InvalidDateTime, with a sentence for the reader; also for a moment that the reader's clock cannot show.
    """
    found = parse_datetime(text)
    try:
        moment = (timezone.make_aware(found) if found.tzinfo is None else found).astimezone(UTC)
        # The zone may move a moment at the end of the calendar beyond it; pages would fail to show it later.
        timezone.localtime(moment)
    except (ValueError, OverflowError):
        raise InvalidDateTime(f"{text.strip()} is beyond the calendar.") from None
    return moment
