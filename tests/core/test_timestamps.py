"""Times in bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from core.times.timestamps import stamp, stamp_or_none


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    at = datetime(2026, 11, 21, 3, 7, 10, 123_999, timezone(timedelta(hours=1)))
    assert stamp(at) == "2026-11-21T02:07:10.123Z"


def test_a_whole_second_has_milliseconds_too() -> None:
    assert stamp(datetime(2026, 11, 21, tzinfo=UTC)) == "2026-11-21T00:00:00.000Z"


def test_no_time_is_none() -> None:
    assert stamp_or_none(None) is None
