"""The ticks of a time-line on days on which the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from captures.recordings.clips.timeline_layout import Window

SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_the_ticks_after_the_clock_changed_fill_the_window(day: datetime) -> None:
    begin, end = day + timedelta(hours=12), day + timedelta(hours=13)
    with timezone.override("Europe/Berlin"):
        ticks = Window(begin, end, (day, day + timedelta(days=1))).ticks
    assert ticks == [begin + timedelta(minutes=5) * number for number in range(12)]
