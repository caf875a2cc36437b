"""The plan of a whole night: a night of nine fields, and any night against the rules written once more."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise
from math import radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sky.equatorial import Equatorial
from scheduler.telescope.driver.field import SelectionCode
from scheduler.telescope.night.field_lists import merge_added
from scheduler.telescope.night.night import night_of
from scheduler.telescope.night.night_plan import NightPlan, PlannedObservation, PlanOptions, plan_night, plan_rest
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import begin_night
from scheduler.telescope.night.sky import TelescopeSite, time_of
from tests.harness.astropy_sky import altitude_by_astropy, hour_angle_by_astropy
from tests.harness.runs.examples import examples
from tests.scheduler.telescope.expected_choices import expected_night, field_lists
from tests.scheduler.telescope.nights import LA_SILLA, NIGHT, SECOND_D, at, listed

EVENING = date(2026, 11, 20)
NINE_FIELDS = """\
# ra dec flag exposure interval observations survey
FILTER rgzz
0 -1 N 60 0 2 0 # evening darks
0 0 E 10 0 2 0 # evening flats
0 0 F 10 0 3 0 0.05 27.95 # focus
6.00 -30 Y 100 3600 2 1 # first of a pair
6.04 -30 Y 100 3600 2 1 # second of a pair
4.00 -40 Y 200 7200 2 3 # must be done
2.00 60 Y 100 0 1 0 # never rises
1.00 -25 Y 100 0 1 0 # sets early
""".splitlines()
ADDED = "3.00 -20 Y 300 0 1 4 # an alert, added at 03:00"
AT_SUNSET = """\
23:27 dark 1 FIRST_DO_NOW_DARK
23:29 dark 2 FIRST_DO_NOW_DARK
23:57 pmskyflat 1 FIRST_DO_NOW_FLAT
23:58 pmskyflat 2 FIRST_DO_NOW_FLAT
00:17 focus 1 FIRST_DO_NOW
00:18 focus 2 FIRST_DO_NOW
00:19 focus 3 FIRST_DO_NOW
00:21 sets early 1 LEAST_TIME_READY
00:25 must be done 1 LEAST_TIME_READY_MUST_DO
02:24 must be done 2 LEAST_TIME_READY_MUST_DO
02:28 first of a pair 1 LEAST_TIME_READY
02:30 second of a pair 1 FIRST_READY_PAIR
03:26 first of a pair 2 LEAST_TIME_READY
03:29 second of a pair 2 FIRST_READY_PAIR
""".splitlines()
FROM_3_ON = """\
03:00 an alert, added at 03:00 1 LEAST_TIME_READY_MUST_DO
03:26 first of a pair 2 LEAST_TIME_READY
03:29 second of a pair 2 FIRST_READY_PAIR
""".splitlines()


def words(observation: PlannedObservation) -> str:
    field = observation.field
    name = field.comment.strip() if field.kind.letter == "s" else field.kind.image_type
    return f"{time_of(observation.jd):%H:%M} {name} {observation.number} {observation.selection.name}"


def plan(*lines: str, evening: date = EVENING, site: TelescopeSite = LA_SILLA, **options: object) -> NightPlan:
    return plan_night(listed(*lines), site, evening, options=PlanOptions(**options))  # type: ignore[arg-type]


def nine_fields() -> tuple[NightPlan, NightPlan]:
    """The night as it is planned at sunset, and from 03:00 on, when a field was added."""
    fields = listed(*NINE_FIELDS)
    before = plan_night(fields, LA_SILLA, EVENING)
    index = next(index for index, one in enumerate(before.observations) if one.jd >= at("03:00"))
    alert = merge_added(fields, listed(ADDED))[-1]
    states = (*before.states_before(index), *begin_night([alert], NIGHT, at("03:00")))
    previous = before.observations[index - 1]
    ready = previous.jd + before.options.duration_s(previous.field) / 86_400
    return before, plan_rest(states, NIGHT, max(at("03:00"), ready), previous=previous.field.id)


def test_a_night_of_nine_fields_has_the_order_of_the_rules() -> None:
    """The ninth is added at 03:00; the second observations of the pair are due an hour after the first."""
    at_sunset, from_3_on = nine_fields()
    assert [words(one) for one in at_sunset.observations] == AT_SUNSET
    assert [words(one) for one in from_3_on.observations] == FROM_3_ON


def test_the_observations_of_a_night_have_reasons() -> None:
    at_sunset, from_3_on = nine_fields()
    assert list(dict.fromkeys(one.reason for one in (*at_sunset.observations, *from_3_on.observations))) == [
        "It is the first dark that can be taken now.",
        "It is the first flat that can be taken now.",
        "It is the first focus or offset exposure that can be taken now.",
        "It has the fewest left, 1 observation, and the least to spare, 5.67 h.",
        "It must be done, with 2 observations left and 4.21 h to spare.",
        "It must be done, with 1 observation left and 4.23 h to spare.",
        "It has the fewest left, 2 observations, and the least to spare, 4.16 h.",
        "It is the pair of field 3.",
        "It has the fewest left, 1 observation, and the least to spare, 4.19 h.",
        "It must be done, with 1 observation left and 5.01 h to spare.",
    ]


def test_a_field_that_is_never_observed_has_a_reason() -> None:
    _, from_3_on = nine_fields()
    assert [(field.comment, reason) for field, reason in from_3_on.unfinished] == [
        (" never rises", "It never rises: while it is dark, its airmass is not below 2 within 4.3 h of the meridian.")
    ]
    assert from_3_on.never_observed == from_3_on.unfinished


def test_a_field_for_which_there_was_no_time_says_when_it_could_be_observed() -> None:
    found = plan("0 0 N 1000 0 100 0", "1 -30 Y 60 600 3 0", "6 -30 Y 60 3600 100 3")
    assert {field.number: reason for field, reason in found.never_observed} == {
        1: "Other fields came first, or it was not due, while it could be observed: 00:17 UTC to 06:01 UTC."
    }
    assert [field.number for field, _ in found.unfinished] == [0, 1]


def test_a_field_that_had_set_before_the_plan_begins_says_so() -> None:
    states = begin_night(listed("1.00 -25 Y 100 0 1 0"), NIGHT, NIGHT.sunset)
    assert [reason for _, reason in plan_rest(states, NIGHT, at("06:30")).unfinished] == [
        "It could be observed until 06:01 UTC; this plan begins at 06:30 UTC."
    ]


def test_the_time_in_which_a_field_could_be_observed_begins_with_the_plan() -> None:
    states = begin_night(listed("0 0 N 1000 0 100 0", "1.00 -25 Y 100 0 1 0"), NIGHT, NIGHT.sunset)
    assert [reason for _, reason in plan_rest(states, NIGHT, at("05:00")).never_observed] == [
        "Other fields came first, or it was not due, while it could be observed: 05:00 UTC to 06:01 UTC."
    ]


@pytest.mark.parametrize("rule", ["priority", "sequential"])
@examples(60)
@given(field_lists, st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_night_is_that_of_the_rules_written_once_more(rule: Rule, lines: list[str], evening: date) -> None:
    found = plan(*lines, evening=evening, rule=rule)
    night = night_of(LA_SILLA, evening)
    expected = expected_night(begin_night(listed(*lines), night, night.sunset), night, rule)
    assert [
        (one.field.id, one.selection, round((one.jd - night.sunset) * 86_400)) for one in found.observations
    ] == expected


@examples(60)
@given(field_lists, st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.floats(0, 1))
def test_a_night_that_goes_on_from_any_observation_makes_the_same_choices(
    lines: list[str], evening: date, share: float
) -> None:
    whole = plan(*lines, evening=evening)
    index = int(share * len(whole.observations))
    left = whole.observations[index:]
    before = whole.observations[index - 1].field.id if index else None
    begin = left[0].jd if left else whole.night.sunrise
    rest = plan_rest(whole.states_before(index), whole.night, begin, previous=before)
    assert rest.observations == left
    assert rest.end_states == whole.end_states


@examples(30)
@given(field_lists, st.data())
def test_each_choice_of_a_plan_is_explained_again(lines: list[str], data: st.DataObject) -> None:
    found = plan(*lines, "0 7 N 60 3600 5 0")
    index = data.draw(st.integers(0, len(found.observations) - 1))
    planned, choice = found.observations[index], found.choice(index)
    assert (choice.field, choice.selection, choice.reason) == (planned.field, planned.selection, planned.reason)
    assert len(choice.passed_over()) == len(lines)


def test_a_plan_is_the_same_each_time() -> None:
    assert plan(*NINE_FIELDS) == plan(*NINE_FIELDS)


def test_hour_angle_altitude_and_airmass_are_those_of_astropy() -> None:
    one = next(one for one in plan("3 -60 Y 60 600 9 0").observations if one.number == 5)
    site = (LA_SILLA.latitude, LA_SILLA.longitude, LA_SILLA.elevation)
    altitude = altitude_by_astropy(Equatorial(3, -60), time_of(one.jd), site)
    assert one.hour_angle == pytest.approx(hour_angle_by_astropy(Equatorial(3, -60), time_of(one.jd), site), abs=0.01)
    assert one.altitude == pytest.approx(altitude, abs=0.01)
    assert one.airmass == pytest.approx(1 / sin(radians(altitude)), abs=0.01)


def test_calibrations_have_their_hour_angle_and_darks_none() -> None:
    found = plan("0 0 F 10 0 2 0 0.05 27", "0 0 N 60 0 1 0", "0 0 M 10 0 1 0").observations
    assert [(one.field.kind.letter, one.hour_angle) for one in found] == [
        ("d", None), ("f", pytest.approx(-1)), ("f", pytest.approx(-1 + 80 / 3600, abs=0.001)), ("m", pytest.approx(3)),
    ]  # fmt: skip
    assert (found[0].altitude, found[0].airmass, found[0].place) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 110),
        ({"readout_s": 20.0}, 90),
        ({"readout_s": 20.0, "slew_s": 45.0}, 105),
        ({"readout_s": 20.0, "transfer_s": 0.0}, 80),
    ],
)
def test_the_telescope_slews_while_the_camera_is_read_out(options: dict[str, float], seconds: float) -> None:
    first, second = plan("4 -30 Y 60 0 2 0", **options).observations
    assert (second.jd - first.jd) * 86_400 == pytest.approx(seconds, abs=0.001)


def test_a_focus_sequence_takes_20_seconds_more_for_each_exposure() -> None:
    first, second = plan("0 0 F 10 0 2 0 0.05 27").observations
    assert (second.jd - first.jd) * 86_400 == pytest.approx(80, abs=0.001)


def test_the_scheduler_looks_every_ten_seconds_for_the_next_field() -> None:
    dark, field = plan("0 -1 N 60 0 1 0", "4 -30 Y 60 0 1 0").observations
    waited_s = (field.jd - dark.jd) * 86_400 - 110
    rises = begin_night(listed("4 -30 Y 60 0 1 0"), NIGHT, NIGHT.sunset)[0].jd_rise
    assert waited_s / 10 == pytest.approx(round(waited_s / 10), abs=0.001)
    assert 0 <= (field.jd - rises) * 86_400 < 10


def test_a_wait_may_end_exactly_at_a_step() -> None:
    """Evening flats begin 180 steps after sunset."""
    (flat,) = plan("0 0 E 10 0 1 0").observations
    assert (flat.jd - NIGHT.sunset) * 86_400 == pytest.approx(1800, abs=0.001)


def test_a_night_goes_on_over_midnight() -> None:
    """Of UTC, of the site's mean time, and of the Julian date."""
    times = [one.jd for one in plan("0 7 N 60 0 100 0", "0 7 N 61 0 100 0", "0 7 N 62 0 100 0").observations]
    assert {pytest.approx(110, abs=2.1) == (later - earlier) * 86_400 for earlier, later in pairwise(times)} == {True}
    assert times[0] < at("23:59") < at("00:01") < NIGHT.midnight < times[-1]


def test_no_observation_begins_after_sunrise() -> None:
    found = plan("0 7 N 100 0 100 0", "0 7 N 101 0 100 0", "0 7 N 102 0 100 0").observations
    assert NIGHT.sunrise - 152 * SECOND_D <= found[-1].jd < NIGHT.sunrise


def test_fields_of_the_sky_end_with_the_dark_time_and_the_morning_follows() -> None:
    found = plan("6 -30 Y 600 0 100 0", "0 0 M 10 0 2 0", "0 1 N 60 0 2 0").observations
    ends = [one.jd for one in found if one.field.kind.letter == "s"]
    assert NIGHT.end - 650 * SECOND_D < ends[-1] <= NIGHT.end
    assert [one.field.kind.letter for one in found if one.jd > NIGHT.end] == ["m", "m", "d", "d"]


def test_the_polar_day_has_no_observations() -> None:
    found = plan(*NINE_FIELDS, evening=date(2026, 12, 20), site=TelescopeSite(-80, 0, 0))
    assert found.observations == ()
    assert len(found.never_observed) == 8


def test_the_polar_night_has_a_whole_day() -> None:
    found = plan(
        "0 0 N 60 3600 100 0", "5 -60 Y 60 1800 30 0", evening=date(2026, 6, 20), site=TelescopeSite(-89, 0, 0)
    )
    assert Counter(one.field.kind.letter for one in found.observations) == {"d": 25, "s": 30}
    assert found.night.sunrise - found.night.sunset == 1


def test_a_summer_night_in_the_north_has_its_twilights() -> None:
    found = plan(*NINE_FIELDS, "0 1 N 60 0 1 0", evening=date(2026, 6, 20), site=TelescopeSite(59.86, 17.64, 0))
    assert [words(one) for one in found.observations] == [
        "20:15 dark 1 FIRST_DO_NOW_DARK", "20:17 dark 2 FIRST_DO_NOW_DARK", "20:45 pmskyflat 1 FIRST_DO_NOW_FLAT",
        "20:46 pmskyflat 2 FIRST_DO_NOW_FLAT", "22:49 dark 1 FIRST_DO_NOW_DARK",
    ]  # fmt: skip


def test_the_sequential_rule_goes_through_the_list_once() -> None:
    lines = ["4 -30 Y 60 0 3 0", "3 -30 Y 60 0 2 0", "2 -30 Y 60 0 1 3", "1 -20 Y 60 0 1 0"]
    assert [(one.field.number, one.selection) for one in plan(*lines, rule="sequential").observations] == [
        (1, SelectionCode.SEQUENTIAL), (2, SelectionCode.SEQUENTIAL), (3, SelectionCode.SEQUENTIAL),
    ]  # fmt: skip


def test_a_list_without_fields_has_a_plan_without_observations() -> None:
    assert plan_night((), LA_SILLA, EVENING).observations == ()
