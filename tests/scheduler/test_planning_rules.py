"""What the planner is given is checked when it is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pytest

from scheduler.planning.rules import Change, ClockRule, FixedRun, MoonRule, Site, SunRule
from tests.harness.planning.schedules import schedule, utc

NAN = float("nan")
NIGHT = date(2026, 11, 20)
NAIVE = datetime(2026, 11, 20)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Site(91, 0), "The latitude is 91°; it must be from -90° to 90°."),
        (lambda: Site(0, -181), "The longitude is -181°; it must be from -180° to 180°."),
        (lambda: Site(NAN, 0), "The latitude is nan°"),
        (lambda: Site(0, 0, 20_000), "The elevation is 20000 m; it must be from -500 m to 10000 m."),
        (lambda: Site(time_zone="Mars/Base"), "There is no time zone 'Mars/Base'. Write one such as Europe/Berlin."),
        (lambda: Site(time_zone="../etc/passwd"), "There is no time zone"),
        (lambda: Site(time_zone=""), "There is no time zone"),
        (lambda: SunRule(-91), "The Sun's altitude is -91°"),
        (lambda: SunRule(-18, 43_201), "The offset of the begin is 43201 s; it must be from -43200 s to 43200 s."),
        (lambda: SunRule(-18, 0, -43_201), "The offset of the end is -43201 s"),
        (lambda: ClockRule("24:00", "03:00"), "'24:00' is not a time of day. Write it as HH:MM, such as 21:30."),
        (lambda: ClockRule("21:00", "3:00"), "'3:00' is not a time of day."),
        (lambda: ClockRule("21:00\n", "03:00"), "'21:00\\n' is not a time of day."),
        (lambda: MoonRule(), "A rule for the Moon needs a greatest phase, a greatest altitude, or both."),
        (lambda: MoonRule(max_phase=1.5), "The greatest phase of the Moon is 1.5; it must be from 0 to 1."),
        (lambda: MoonRule(max_altitude=NAN), "The greatest altitude of the Moon is nan°"),
        (lambda: schedule(weekdays=frozenset({7})), "Weekdays are numbers from 0 (Monday) to 6 (Sunday)."),
        (
            lambda: schedule(first_night=NIGHT, last_night=date(2026, 11, 19)),
            "The last night, 2026-11-19, is before the first, 2026-11-20.",
        ),
        (lambda: Change("a", "c", NIGHT, begin=NAIVE), "The times of a changed night need a time zone."),
        (
            lambda: Change("a", "c", NIGHT, begin=utc("2026-11-20"), end=utc("2026-11-20")),
            "A changed night must end after it begins.",
        ),
        (lambda: FixedRun("c", ((NAIVE, NAIVE),)), "The times of a run that has begun need a time zone."),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make()
