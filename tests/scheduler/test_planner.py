"""The planner: which runs a night has, and why a schedule has none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from core.sky.bodies import moon_phase, moon_place, sun_place
from core.sky.horizon import Horizon
from scheduler.planning.planner import plan
from scheduler.planning.rules import Change, ClockRule, FixedRun, MoonRule, Site, SunRule
from tests.harness.planning.schedules import (
    BERLIN,
    LONG_AGO,
    PROGRAMME,
    TROMSO,
    messages,
    plan_of,
    reasons,
    schedule,
    utc,
    windows_text,
)

NIGHT = date(2026, 11, 20)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DUSK, DAWN = utc("2026-11-20 17:08"), utc("2026-11-21 04:35")
"""About the begin and the end of the astronomical night in Berlin."""
EVENING, LATE = ClockRule("20:00", "22:00"), ClockRule("21:00", "23:00")
"""In Berlin 19:00 to 21:00 and 20:00 to 22:00 UTC."""


# Windows


def test_a_run_lasts_while_the_sun_is_below_its_altitude() -> None:
    (run,) = plan_of(schedule(created_by="anna", on_held="take_over", priority=3)).runs
    assert [sun_place(at, 52.5, 13.4, 34).altitude for at in run.windows[0]] == pytest.approx([-18, -18], abs=0.01)
    assert abs(run.begin - DUSK) < 2 * MINUTE
    assert abs(run.end - DAWN) < 2 * MINUTE
    assert (run.schedule, run.camera, run.night, run.part) == ("a", "allsky", NIGHT, 0)
    assert (run.name, run.programme, run.created_by, run.on_held, run.priority) == (
        "A", PROGRAMME, "anna", "take_over", 3,
    )  # fmt: skip


def test_windows_are_whole_seconds_of_utc() -> None:
    (run,) = plan_of(schedule()).runs
    assert [(at.microsecond, at.tzinfo) for at in run.windows[0]] == [(0, UTC), (0, UTC)]


def test_offsets_move_the_begin_and_the_end() -> None:
    (plain,) = plan_of(schedule()).runs
    (moved,) = plan_of(schedule(window=SunRule(-18, -1800, 600))).runs
    assert abs(moved.begin - (plain.begin - 30 * MINUTE)) <= timedelta(seconds=1)
    assert abs(moved.end - (plain.end + 10 * MINUTE)) <= timedelta(seconds=1)


def test_offsets_never_leave_the_night() -> None:
    (run,) = plan_of(schedule(window=SunRule(-18, -12 * 3600, 12 * 3600))).runs
    assert run.windows == (tuple(at.replace(microsecond=0) for at in BERLIN.night_range(NIGHT)),)


def test_offsets_that_leave_nothing_of_the_window_are_said_so() -> None:
    found = plan_of(schedule(window=SunRule(-18, 8 * 3600, -8 * 3600)))
    assert (found.runs, reasons(found)) == ([], ["too_short"])
    assert messages(found) == ["The offsets leave nothing of the window."]


def test_a_window_by_clock_is_in_the_time_of_the_site() -> None:
    assert windows_text(plan_of(schedule(window=ClockRule("22:30", "01:15")))) == ["a0 21:30-00:15"]


def test_a_window_shorter_than_a_minute_is_none() -> None:
    found = plan_of(schedule(window=ClockRule("22:00", "22:30")), changes=[change(end=utc("2026-11-20 21:00:59"))])
    assert (found.runs, messages(found)) == ([], ["The window is shorter than a minute."])


# Polar days and nights


def test_in_the_polar_summer_the_sun_stays_above_all_night() -> None:
    found = plan_of(schedule(), night="2026-06-20", site=TROMSO)
    assert (found.runs, reasons(found)) == ([], ["never_dark"])
    assert messages(found) == ["The Sun stays above -18° all night."]


def test_in_the_polar_night_a_run_lasts_from_noon_to_noon_and_offsets_move_nothing() -> None:
    found = plan_of(schedule(window=SunRule(-0.833, 1800, -1800)), night="2026-12-20", last="2026-12-22", site=TROMSO)
    begin, end = TROMSO.night_range(date(2026, 12, 20))
    assert len(found.runs) == 3
    assert found.runs[0].begin - begin < timedelta(seconds=1)
    assert end - found.runs[0].end < timedelta(seconds=1)


def test_a_passage_before_noon_is_moved_into_the_night_by_its_offset() -> None:
    """Early in November the Sun is highest 16 minutes before mean noon, so that it passes an altitude downwards at
    11:55 and upwards before noon of the next day."""
    site = Site(60, 0, 0, "UTC")
    limit = sun_place(utc("2026-11-03 11:55"), 60, 0).altitude
    (plain,) = plan_of(schedule(window=SunRule(limit)), night="2026-11-03", site=site).runs
    (moved,) = plan_of(schedule(window=SunRule(limit, 7200)), night="2026-11-03", site=site).runs
    assert plain.begin == utc("2026-11-03 12:00")
    assert abs(moved.begin - utc("2026-11-03 13:55")) < timedelta(seconds=2)


@pytest.mark.parametrize("latitude", [-90, 90])
@pytest.mark.parametrize("longitude", [-180, 0, 180])
@pytest.mark.parametrize("night", ["2026-03-20", "2026-06-21", "2026-09-22", "2026-12-21"])
def test_at_a_pole_a_night_has_one_run_or_none(latitude: float, longitude: float, night: str) -> None:
    found = plan_of(schedule(window=SunRule(-0.833)), night=night, site=Site(latitude, longitude, 0, "UTC"))
    assert len(found.runs) + len(found.losers) == 1


# The Moon

HALF = MoonRule(max_phase=0.5, max_altitude=0)


def test_a_moon_that_sets_in_the_night_leaves_the_time_after_it() -> None:
    """On 20 November 2026 the Moon is 84 % lit and sets at 3:17 in Berlin."""
    (plain,) = plan_of(schedule()).runs
    (run,) = plan_of(schedule(moon=HALF)).runs
    assert moon_place(run.begin - MINUTE, 52.5, 13.4, 34).altitude > 0
    assert moon_place(run.begin, 52.5, 13.4, 34).altitude == pytest.approx(0, abs=0.01)
    assert plain.begin < run.begin < run.end == plain.end


def test_a_moon_behind_hills_is_not_up() -> None:
    hills = Site(52.5, 13.4, 34, "Europe/Berlin", Horizon(((0.0, 15.0),)))
    (plain,) = plan_of(schedule(moon=HALF)).runs
    (run,) = plan_of(schedule(moon=HALF), site=hills).runs
    assert moon_place(run.begin, 52.5, 13.4, 34).altitude == pytest.approx(15, abs=0.01)
    assert run.begin < plain.begin


def test_a_thin_moon_does_not_disturb() -> None:
    thin = schedule(moon=MoonRule(max_phase=0.9))
    assert moon_phase(DUSK) < moon_phase(DAWN) < 0.9
    assert plan_of(thin).runs[0].windows == plan_of(schedule()).runs[0].windows


def test_a_moon_that_grows_past_its_greatest_phase_ends_the_window() -> None:
    midnight = utc("2026-11-20 23:00")
    (run,) = plan_of(schedule(moon=MoonRule(max_phase=moon_phase(midnight)))).runs
    assert run.begin < run.end < DAWN
    assert abs(run.end - midnight) < MINUTE


def test_with_a_full_moon_all_night_it_is_said_why_there_is_no_run() -> None:
    found = plan_of(schedule(moon=HALF), night="2026-11-24")
    (message,) = messages(found)
    assert reasons(found) == ["moon"]
    assert message.startswith("The Moon is up and more than 50 % lit for the whole window (18:0")


def test_a_moon_rule_of_altitude_or_phase_alone_is_named() -> None:
    found = plan_of(schedule("a", moon=MoonRule(max_phase=0.2)), night="2026-11-24")
    high = plan_of(schedule("b", moon=MoonRule(max_altitude=-80)), night="2026-11-24")
    assert messages(found)[0].startswith("The Moon is more than 20 % lit for the whole window (")
    assert messages(high)[0].startswith("The Moon is more than -80° above the horizon for the whole window (")


def test_a_moon_in_the_middle_of_a_window_makes_one_run_of_two_windows() -> None:
    site = Site(0, 0, 0, "UTC", Horizon(((0.0, 40.0),)))
    found = plan_of(schedule(window=ClockRule("13:00", "12:00"), moon=MoonRule(max_altitude=0)), site=site)
    (run,) = found.runs
    assert (len(run.windows), run.part, run.end - run.begin) == (2, 0, 23 * HOUR)


# The calendar


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"enabled": False}, "disabled", "The schedule is disabled."),
        ({"first_night": date(2026, 11, 21)}, "dates", "The schedule begins on 2026-11-21."),
        ({"last_night": date(2026, 11, 19)}, "dates", "The schedule ended on 2026-11-19."),
        ({"weekdays": frozenset({0, 5})}, "weekday", "The schedule does not run on Fridays."),
    ],
)
def test_a_schedule_that_does_not_run_in_a_night_says_why(fields: dict[str, object], reason: str, message: str) -> None:
    found = plan_of(schedule(**fields))
    assert (found.runs, reasons(found), messages(found)) == ([], [reason], [message])


def test_the_first_and_the_last_night_belong_to_a_schedule() -> None:
    found = plan_of(schedule(first_night=NIGHT, last_night=NIGHT), night="2026-11-19", last="2026-11-21")
    assert [run.night for run in found.runs] == [NIGHT]
    assert reasons(found) == ["dates", "dates"]


def test_a_weekday_is_that_of_the_evening() -> None:
    """20 November 2026 is a Friday."""
    friday = schedule(weekdays=frozenset({4}), window=ClockRule("02:00", "03:00"))
    (run,) = plan_of(friday, night="2026-11-16", last="2026-11-22").runs
    assert (run.night, run.begin) == (NIGHT, utc("2026-11-21 01:00"))


# Sites


def test_a_camera_without_a_site_has_no_nights() -> None:
    found = plan_of(schedule(), site=None)
    assert (reasons(found), messages(found)) == (["no_site"], ["The camera has no site."])


def test_a_rule_for_the_sun_or_the_moon_needs_coordinates() -> None:
    place = Site(time_zone="Europe/Berlin")
    found = plan_of(schedule("a"), schedule("b", window=EVENING, moon=HALF), site=place)
    assert reasons(found) == ["no_site", "no_site"]
    text = (
        "The site has no latitude and longitude, which rules for the Sun and the Moon need. Set the site on the page "
        "Settings, or with `skycam settings site`."
    )
    assert messages(found) == [text, text]


def test_a_window_by_clock_needs_only_a_time_zone() -> None:
    found = plan_of(schedule(window=EVENING), site=Site(time_zone="Europe/Berlin"))
    assert windows_text(found) == ["a0 19:00-21:00"]


def test_cameras_of_several_sites_have_their_own_windows() -> None:
    sites = {"north": TROMSO, "south": BERLIN}
    found = plan([schedule(cameras=("north", "south"))], [], sites, date(2026, 4, 28), date(2026, 4, 28), LONG_AGO)
    assert [run.camera for run in found.runs] == ["south"]
    assert [(one.camera, one.reason) for one in found.losers] == [("north", "never_dark")]


# Several schedules


def test_higher_priority_has_the_camera_and_the_loser_keeps_the_rest() -> None:
    found = plan_of(schedule("a", window=EVENING), schedule("b", window=LATE, priority=1))
    assert windows_text(found) == ["a0 19:00-20:00", "b0 20:00-22:00"]
    (shortened,) = found.shortened
    assert (shortened.schedule, shortened.reason) == ("a", "lost")
    assert shortened.message == "B has the camera (21:00 to 23:00)."


def test_of_equal_priority_the_first_created_has_the_camera() -> None:
    found = plan_of(schedule("b", window=EVENING), schedule("a", window=LATE))
    assert windows_text(found) == ["b0 19:00-20:00", "a0 20:00-22:00"]


def test_a_schedule_that_loses_its_whole_window_says_to_whom() -> None:
    found = plan_of(schedule("a", window=EVENING), schedule("b", window=ClockRule("20:30", "21:00")))
    assert (windows_text(found), reasons(found)) == (["a0 19:00-21:00"], ["lost"])
    assert messages(found) == ["A has the camera (20:00 to 22:00)."]


def test_all_that_have_the_camera_are_named() -> None:
    halves = [schedule("a", window=ClockRule("20:00", "21:00")), schedule("b", window=ClockRule("21:00", "22:00"))]
    assert messages(plan_of(*halves, schedule("c", window=EVENING))) == [
        "A has the camera (20:00 to 21:00), B has the camera (21:00 to 22:00)."
    ]


def test_a_run_around_another_is_split_into_parts() -> None:
    found = plan_of(
        schedule("a", window=ClockRule("20:00", "23:00")), schedule("b", window=ClockRule("21:00", "22:00"), priority=1)
    )
    assert windows_text(found) == ["a0 19:00-20:00", "b0 20:00-21:00", "a1 21:00-22:00"]


def test_a_run_whose_gap_another_uses_is_split_although_it_has_priority() -> None:
    site = Site(0, 0, 0, "UTC", Horizon(((0.0, 40.0),)))
    dark = schedule("a", window=ClockRule("13:00", "12:00"), moon=MoonRule(max_altitude=0), priority=1)
    found = plan_of(dark, schedule("b", window=ClockRule("13:00", "12:00")), site=site)
    assert [(run.schedule, run.part, len(run.windows)) for run in found.runs] == [("a", 0, 1), ("b", 0, 1), ("a", 1, 1)]


def test_what_is_left_of_less_than_a_minute_is_dropped() -> None:
    found = plan_of(
        schedule("a", window=EVENING),
        schedule("b", window=LATE, priority=1),
        changes=[change(begin=utc("2026-11-20 19:59:01"))],
    )
    assert (windows_text(found), reasons(found)) == (["b0 20:00-22:00"], ["lost"])


def test_two_cameras_do_not_compete() -> None:
    found = plan_of(schedule("a", cameras=("east", "west")), schedule("b", cameras=("west",), priority=1))
    assert [(run.schedule, run.camera) for run in found.runs] == [("a", "east"), ("b", "west")]


# The time, and runs that have begun


def begun(window: tuple[str, str], **fields: object) -> FixedRun:
    begin, end = (utc(f"2026-11-20 {text}") for text in window)
    return FixedRun("allsky", ((begin, end),), **{"name": "Comet", **fields})  # type: ignore[arg-type]


def change(**fields: object) -> Change:
    return Change("a", "allsky", NIGHT, **fields)  # type: ignore[arg-type]


def test_nothing_is_planned_for_a_time_that_has_passed() -> None:
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 19:30:00.25"))
    assert found.runs[0].windows == ((utc("2026-11-20 19:30:01"), utc("2026-11-20 21:00")),)


def test_a_window_that_has_passed_is_over() -> None:
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 21:00"))
    assert (reasons(found), messages(found)) == (["over"], ["The window is over already."])


def test_a_window_with_seconds_left_is_too_short() -> None:
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 20:59:30"))
    assert (reasons(found), messages(found)) == (["too_short"], ["Less than a minute of the window is left."])


def test_a_run_that_has_begun_keeps_its_time_against_a_higher_priority() -> None:
    found = plan_of(schedule(window=EVENING, priority=9), fixed=[begun(("18:00", "20:00"))])
    assert windows_text(found) == ["a0 20:00-21:00"]
    assert [one.message for one in found.shortened] == ["Comet has the camera (19:00 to 21:00)."]


def test_a_run_that_has_begun_keeps_the_time_between_its_windows() -> None:
    late = (utc("2026-11-20 23:00"), utc("2026-11-20 23:30"))
    early = (utc("2026-11-20 18:00"), utc("2026-11-20 18:30"))
    found = plan_of(schedule(window=EVENING), fixed=[FixedRun("allsky", (early, late))])
    assert messages(found) == ["Another run has the camera (19:00 to 00:30)."]


def test_a_schedule_whose_run_has_begun_is_accounted_for() -> None:
    own = begun(("19:00", "21:00"), schedule="a", night=NIGHT)
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 20:00"), fixed=[own])
    assert (found.runs, reasons(found), messages(found)) == ([], ["begun"], ["The run has begun."])


def test_the_time_by_which_a_begun_run_is_extended_is_its_next_part() -> None:
    own = begun(("19:00", "21:00"), schedule="a", night=NIGHT)
    later = [change(end=utc("2026-11-20 22:00"))]
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 20:00"), fixed=[own], changes=later)
    assert (windows_text(found), found.shortened) == (["a1 21:00-22:00"], [])


def test_the_rest_of_a_run_that_has_ended_is_free_for_others_and_not_for_its_schedule() -> None:
    ended = begun(("19:00", "21:00"), schedule="a", night=NIGHT, ended=utc("2026-11-20 19:30:00.5"))
    other = schedule("b", window=EVENING)
    found = plan_of(schedule(window=EVENING, priority=9), other, now=utc("2026-11-20 19:31"), fixed=[ended])
    assert windows_text(found) == ["b0 19:31-21:00"]
    assert messages(found) == ["The run has ended."]


def test_a_run_that_has_ended_before_its_first_window_leaves_all_of_it() -> None:
    ended = begun(("19:00", "21:00"), schedule="a", night=NIGHT, ended=utc("2026-11-20 18:00"))
    found = plan_of(schedule(window=EVENING), schedule("b", window=EVENING), fixed=[ended])
    assert (windows_text(found), messages(found)) == (["b0 19:00-21:00"], ["The run has ended."])


def test_a_run_that_has_ended_may_be_extended() -> None:
    ended = begun(("19:00", "21:00"), schedule="a", night=NIGHT, ended=utc("2026-11-20 19:30"))
    later = [change(end=utc("2026-11-20 22:00"))]
    found = plan_of(schedule(window=EVENING), now=utc("2026-11-20 20:00"), fixed=[ended], changes=later)
    assert windows_text(found) == ["a1 21:00-22:00"]


def test_begun_runs_that_overlap_do_no_harm() -> None:
    found = plan_of(
        schedule(window=EVENING),
        fixed=[begun(("18:00", "20:00")), begun(("19:00", "20:30")), begun(("19:10", "19:20"))],
    )
    assert windows_text(found) == ["a0 20:30-21:00"]


def test_a_site_that_changes_in_the_middle_of_a_night_does_not_move_a_begun_run() -> None:
    now = utc("2026-11-20 20:00")
    (before,) = plan_of(schedule(), now=LONG_AGO).runs
    own = FixedRun("allsky", before.windows, schedule="a", night=NIGHT)
    found = plan_of(schedule(), now=now, site=Site(-33.9, 18.4, 0, "Africa/Johannesburg"), fixed=[own])
    moved_far = plan_of(schedule(), now=now, site=Site(19.8, -155.5, 0, "Pacific/Honolulu"), fixed=[own])
    assert (found.runs, reasons(found)) == ([], ["begun"])
    assert moved_far.runs[0].begin >= before.end
    assert moved_far.runs[0].part == 1


# Changes of one night


def test_a_skipped_night_has_no_run() -> None:
    found = plan_of(schedule(), changes=[change(skip=True)], last="2026-11-21")
    assert [run.night for run in found.runs] == [date(2026, 11, 21)]
    assert messages(found) == ["An operator skips this night."]


@pytest.mark.parametrize(
    ("fields", "windows"),
    [
        ({"begin": utc("2026-11-20 18:00")}, "a0 18:00-21:00"),
        ({"begin": utc("2026-11-20 20:00")}, "a0 20:00-21:00"),
        ({"end": utc("2026-11-20 23:00")}, "a0 19:00-23:00"),
        ({"end": utc("2026-11-20 20:00")}, "a0 19:00-20:00"),
        ({"begin": utc("2026-11-20 12:00"), "end": utc("2026-11-20 13:00")}, "a0 12:00-13:00"),
        ({"begin": datetime.fromisoformat("2026-11-20T21:00+02:00")}, "a0 19:00-21:00"),
    ],
)
def test_a_changed_night_begins_and_ends_as_the_operator_says(fields: dict[str, datetime], windows: str) -> None:
    assert windows_text(plan_of(schedule(window=EVENING), changes=[change(**fields)])) == [windows]


def test_a_change_with_begin_and_end_gives_a_bright_night_a_window() -> None:
    whole = {"begin": utc("2026-06-20 22:00"), "end": utc("2026-06-20 23:00")}
    found = plan_of(schedule(), night="2026-06-20", changes=[Change("a", "allsky", date(2026, 6, 20), **whole)])
    bright = plan_of(
        schedule(), night="2026-06-20", changes=[Change("a", "allsky", date(2026, 6, 20), begin=whole["begin"])]
    )
    assert windows_text(found) == ["a0 22:00-23:00"]
    assert reasons(bright) == ["never_dark"]


def test_a_change_keeps_the_time_of_a_bright_moon_free() -> None:
    site = Site(0, 0, 0, "UTC", Horizon(((0.0, 40.0),)))
    dark = schedule(window=ClockRule("14:00", "11:00"), moon=MoonRule(max_altitude=0))
    (plain,) = plan_of(dark, site=site).runs
    (wide,) = plan_of(
        dark, site=site, changes=[change(begin=utc("2026-11-20 13:00"), end=utc("2026-11-21 11:30"))]
    ).runs
    assert (wide.windows[0][1], wide.windows[1][0]) == (plain.windows[0][1], plain.windows[1][0])
    assert (wide.begin, wide.end) == (utc("2026-11-20 13:00"), utc("2026-11-21 11:30"))


def test_of_several_changes_the_last_one_counts() -> None:
    found = plan_of(schedule(window=EVENING), changes=[change(skip=True), change()])
    assert windows_text(found) == ["a0 19:00-21:00"]


def test_the_time_of_the_plan_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        plan_of(schedule(), now=datetime(2026, 11, 20))  # noqa: DTZ001
