"""What holds for the plan of any site, date and schedules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.sky.bodies import moon_phase, moon_place, sun_place
from core.sky.horizon import Horizon
from core.sky.intervals import Interval
from scheduler.planning.planner import plan
from scheduler.planning.rules import Change, ClockRule, FixedRun, MoonRule, Plan, RunPlan, ScheduleRule, Site, SunRule
from tests.harness.planning.schedules import LONG_AGO, schedule
from tests.harness.runs.examples import examples

CAMERAS = ("east", "west")
ZONES = (
    "UTC", "Europe/Berlin", "Asia/Urumqi", "Pacific/Kiritimati", "Pacific/Apia", "Antarctica/Troll", "America/St_Johns",
    "Australia/Lord_Howe", "Pacific/Chatham", "America/Sao_Paulo",
)  # fmt: skip
DATES = (
    "2011-12-29",  # Apia skips the next date
    "2016-12-31",  # a leap second at its end
    "2018-11-03",  # São Paulo skips midnight
    "2024-02-28", "2026-03-28", "2026-04-04", "2026-06-20", "2026-10-24", "2026-12-20",
)  # fmt: skip
MASK = Horizon(((10.0, 3.0), (100.0, 25.0), (180.0, -2.0), (300.0, 12.0)))

latitudes = st.sampled_from([-90.0, -72.0, 0.0, 52.5, 66.5, 69.6, 90.0]) | st.floats(-90, 90)
longitudes = st.sampled_from([-180.0, -157.4, 0.0, 87.6, 180.0]) | st.floats(-180, 180)
sites = st.builds(
    Site, latitudes, longitudes, st.floats(0, 5000), st.sampled_from(ZONES), st.sampled_from([Horizon(), MASK])
)
places = sites | st.builds(Site, time_zone=st.sampled_from(ZONES)) | st.none()
dates = st.sampled_from(DATES).map(date.fromisoformat) | st.dates(date(2000, 1, 1), date(2040, 1, 1))
altitudes = st.sampled_from([-0.833, -6.0, -12.0, -18.0]) | st.floats(-50, 50)
offsets = st.sampled_from([0.0, 0.0, 1800.0, -3600.0, 43_200.0, -43_200.0])
clocks = st.times().map(lambda time: f"{time:%H:%M}") | st.sampled_from(["00:00", "02:30", "12:00"])
windows = st.builds(SunRule, altitudes, offsets, offsets) | st.builds(ClockRule, clocks, clocks)
moons = st.builds(MoonRule, st.none() | st.floats(0, 1), st.floats(-10, 40))
schedules_of = {
    "cameras": st.sampled_from([CAMERAS, ("east",), ("west",)]),
    "moon": st.none() | moons,
    "weekdays": st.sets(st.integers(0, 6), min_size=5).map(frozenset),
    "priority": st.integers(0, 2),
    "enabled": st.sampled_from([True, True, True, False]),
}
NIGHTS, MINUTE = 3, timedelta(minutes=1)


def schedules(window: st.SearchStrategy[SunRule | ClockRule] = windows) -> st.SearchStrategy[list[ScheduleRule]]:
    """One to four."""
    fields = st.fixed_dictionaries({**schedules_of, "window": window})
    return st.lists(fields, min_size=1, max_size=4).map(
        lambda found: [schedule("abcd"[number], **one) for number, one in enumerate(found)]
    )


@st.composite
def changes(draw: st.DrawFn, first: date) -> list[Change]:
    """Of the first two nights."""
    begin = datetime.combine(first, datetime.min.time(), UTC) + timedelta(hours=draw(st.integers(0, 48)))
    length = timedelta(minutes=draw(st.integers(1, 600)))
    fields = draw(
        st.sampled_from([{"skip": True}, {"begin": begin}, {"end": begin}, {"begin": begin, "end": begin + length}])
    )
    night = first + timedelta(days=draw(st.integers(0, 1)))
    return [Change(draw(st.sampled_from("abcd")), draw(st.sampled_from(CAMERAS)), night, **fields)]  # type: ignore[arg-type]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, object]:
    """The arguments of `plan`, of three nights and without a time."""
    first = draw(dates)
    return {
        "schedules": draw(schedules()),
        "changes": draw(st.just([]) | changes(first)),
        "site_of": {"east": draw(places), "west": draw(places)},
        "first_night": first,
        "last_night": first + timedelta(days=NIGHTS - 1),
    }


def planned(request: dict[str, object], now: datetime = LONG_AGO, fixed: list[FixedRun] | None = None) -> Plan:
    return plan(**request, now=now, fixed=fixed or [])  # type: ignore[arg-type]


def windows_on(found: Plan, camera: str) -> list[Interval]:
    return sorted(window for run in found.runs if run.camera == camera for window in run.windows)


def spans_on(found: Plan, camera: str) -> list[Interval]:
    return sorted((run.begin, run.end) for run in found.runs if run.camera == camera)


def overlaps(intervals: list[Interval]) -> list[Interval]:
    return [later for earlier, later in pairwise(intervals) if later[0] < earlier[1]]


def moments_of(run: RunPlan) -> list[datetime]:
    """Both ends of each window, and times between them."""
    return [begin + share * (end - begin) / 4 for begin, end in run.windows for share in range(5)]


@examples(150)
@given(requests())
def test_runs_of_a_camera_never_overlap(request: dict[str, object]) -> None:
    found = planned(request)
    assert [overlaps(windows_on(found, camera)) for camera in CAMERAS] == [[], []]
    assert [overlaps(spans_on(found, camera)) for camera in CAMERAS] == [[], []]


@examples(150)
@given(requests())
def test_each_night_of_a_schedule_has_runs_or_one_loser(request: dict[str, object]) -> None:
    found = planned(request)
    nights = [request["first_night"] + timedelta(days=number) for number in range(NIGHTS)]  # type: ignore[operator]
    expected = {(one.id, camera, night) for one in request["schedules"] for camera in one.cameras for night in nights}  # type: ignore[attr-defined]
    with_runs = {(run.schedule, run.camera, run.night) for run in found.runs}
    without = [(one.schedule, one.camera, one.night) for one in found.losers]
    assert sorted([*with_runs, *without]) == sorted(expected)
    assert {(one.schedule, one.camera, one.night) for one in found.shortened} <= with_runs


@examples(150)
@given(requests())
def test_windows_are_in_order_and_at_least_a_minute_long(request: dict[str, object]) -> None:
    runs = planned(request).runs
    assert [run for run in runs if list(run.windows) != sorted(run.windows)] == []
    assert {end - begin >= timedelta(minutes=1) for run in runs for begin, end in run.windows} <= {True}


@examples(100)
@given(sites, dates, schedules(st.builds(SunRule, altitudes)))
def test_inside_of_its_windows_the_sun_is_low_and_the_moon_does_not_disturb(
    site: Site, first: date, rules: list[ScheduleRule]
) -> None:
    found = plan(rules, [], dict.fromkeys(CAMERAS, site), first, first + timedelta(days=1), LONG_AGO)
    of = {one.id: one for one in rules}
    place = (site.latitude or 0.0, site.longitude or 0.0, site.elevation)
    seen = [(of[run.schedule], at) for run in found.runs for at in moments_of(run)]
    assert [at for rule, at in seen if sun_place(at, *place).altitude > rule.window.altitude + 1e-5] == []  # type: ignore[union-attr]
    assert [at for rule, at in seen if rule.moon and disturbs(rule.moon, at, site)] == []


def disturbs(rule: MoonRule, at: datetime, site: Site) -> bool:
    """By more than 0.05°, as a mast that the Moon passes between two samples may be missed."""
    moon = moon_place(at, site.latitude or 0.0, site.longitude or 0.0, site.elevation)
    above = moon.altitude - site.horizon.altitude_at(moon.azimuth)
    return above > (rule.max_altitude or 0.0) + 0.05 and moon_phase(at) > (rule.max_phase or 0.0)


@examples(100)
@given(sites, dates, st.builds(SunRule, altitudes, offsets, offsets))
def test_runs_of_the_sun_are_inside_of_their_night(site: Site, first: date, window: SunRule) -> None:
    found = plan([schedule(window=window)], [], {"allsky": site}, first, first + timedelta(days=2), LONG_AGO)
    assert [run for run in found.runs if run.begin < site.night_range(run.night)[0]] == []
    assert [run for run in found.runs if run.end > site.night_range(run.night)[1]] == []


@examples(50)
@given(requests())
def test_planning_twice_gives_the_same(request: dict[str, object]) -> None:
    assert planned(request) == planned(request)


@examples(100)
@given(requests())
def test_a_night_has_the_same_windows_in_every_span(request: dict[str, object]) -> None:
    """Without competition, as a window of the night before may reach into it."""
    (alone, *_) = request["schedules"]  # type: ignore[misc]
    whole = planned({**request, "schedules": [alone]})
    last = planned({**request, "schedules": [alone], "changes": [], "first_night": request["last_night"]})
    assert [run for run in whole.runs if run.night == request["last_night"]] == last.runs


@examples(150)
@given(requests(), st.floats(0, 1))
def test_planning_later_only_cuts_what_has_passed(request: dict[str, object], share: float) -> None:
    """Runs that have begun keep their time, and all later ones stay as they are."""
    before = planned(request)
    first = datetime.combine(request["first_night"], datetime.min.time(), UTC)  # type: ignore[arg-type]
    now = first + share * timedelta(days=NIGHTS)
    fixed = [
        FixedRun(run.camera, run.windows, run.name, run.schedule, run.night, run.part)
        for run in before.runs
        if run.begin <= now
    ]
    assert planned(request, now, fixed).runs == [run for run in before.runs if run.begin > now]


@examples(100)
@given(requests(), st.floats(0, 1))
def test_nothing_begins_before_the_time_of_the_plan(request: dict[str, object], share: float) -> None:
    first = datetime.combine(request["first_night"], datetime.min.time(), UTC)  # type: ignore[arg-type]
    now = first + share * timedelta(days=NIGHTS)
    assert [run for run in planned(request, now).runs if run.begin < now] == []


fixed_spans = st.lists(st.tuples(st.sampled_from(CAMERAS), st.integers(-600, 4000), st.integers(1, 900)), max_size=4)


@examples(150)
@given(requests(), fixed_spans)
def test_runs_never_overlap_those_that_have_begun(
    request: dict[str, object], begun: list[tuple[str, int, int]]
) -> None:
    first = datetime.combine(request["first_night"], datetime.min.time(), UTC)  # type: ignore[arg-type]
    spans = [(camera, first + begin * MINUTE, first + (begin + length) * MINUTE) for camera, begin, length in begun]
    fixed = [FixedRun(camera, ((begin, begin + MINUTE / 2), (end - MINUTE / 2, end))) for camera, begin, end in spans]
    runs = planned(request, fixed=fixed).runs
    both = [(run, span) for run in runs for span in spans if run.camera == span[0]]
    assert [run for run, (_, begin, end) in both if run.begin < end and begin < run.end] == []
