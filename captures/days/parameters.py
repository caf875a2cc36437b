"""Reads days, times, ids and cursors from the address of a page. Invalid values are None."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

from captures.days.day import FIRST, LAST
from core.api.queries import Cursor
from core.pages.reader_time import reader_datetime
from core.times.datetimes import InvalidDateTime


def parse_moment(text: str) -> datetime | None:
    """A time with its zone, or a time of the reader's clock. None for an invalid time and for one
    beyond the calendar."""
    try:
        return reader_datetime(text)
    except InvalidDateTime:
        return None


def parse_day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None


def parse_clock(text: str) -> time | None:
    """None also for a time with an offset: it is one of another clock."""
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo else found


def parse_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_cursor(text: str) -> Cursor | None:
    try:
        return Cursor.parse(text)
    except ValueError:
        return None
