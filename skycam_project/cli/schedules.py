"""`skycam schedules`: what the cameras capture in which nights; `skycam tonight`: the runs of a night, and why
nothing runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, DurationParam, FutureTimeParam, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request, programme_options, session_request
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.status.messages import Status

MOON = {"max_phase": "--moon-phase", "max_altitude": "--moon-altitude"}
PARTS = frozenset({"window", "moon", "no_moon", "programme", "enabled"})
"""Fields that have options of their own, below."""
TIMES = (
    click.option(
        "--sun", help="While the Sun is below: sunset, civil, nautical, astronomical, or degrees such as -15."
    ),
    click.option("--begin-offset", type=DurationParam(least=-43_200, most=43_200), help="Begin this much later."),
    click.option("--end-offset", type=DurationParam(least=-43_200, most=43_200), help="End this much later."),
    click.option(
        "--clock", help="Between two times of the site's clock, such as 20:00-05:00; 12:00-12:00 is day and night."
    ),
    click.option("--moon-phase", type=float, help="Only while at most this part of the Moon's disc is lit: 0 to 1."),
    click.option("--moon-altitude", type=float, help="Only while the Moon is at most this high, in degrees."),
    shared_option("--enabled/--disabled", "Whether it is used."),
)


class ScheduleGroup(ResourceGroup):
    def derive(self) -> dict[str, click.Command]:
        found = super().derive()
        return {**found, "add": with_parts(found["add"]), "change": with_parts(found["change"])}


def with_parts(command: click.Command) -> click.Command:
    """The command with options for the parts of a window, the Moon and a programme, which change as wholes."""
    store = command.callback
    assert store is not None
    params = [one for one in command.params if one.name not in PARTS]
    names = {one.name for one in params}

    def callback(weekdays: tuple[str, ...], **values: Any) -> None:
        # The parts are read by models that need the station.
        current().authorize("operator")
        days = tuple(day.strip().lower() for text in weekdays for day in text.split(","))
        parts = parts_of({name: value for name, value in values.items() if name not in names})
        if command.name == "add" and parts["window"] is None:
            raise CliError("invalid", "Say when it captures: --sun astronomical, or --clock 20:00-05:00.")
        store(weekdays=days, **{name: value for name, value in values.items() if name in names}, **parts)

    for option in reversed(TIMES):
        option(callback)
    programme_options(callback)
    command.params = [*params, *reversed(callback.__click_params__)]  # type: ignore[attr-defined]
    command.callback = callback
    return command


schedules = ScheduleGroup(
    "schedules", "List, add, change and remove schedules, and skip a night.", "scheduler.schedules.resource.SCHEDULES"
)


@schedules.command("remove", cls=Command)
@click.argument("name")
def remove(name: str) -> None:
    """Remove a schedule and its runs that have not begun. A session that runs continues."""
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.schedules.resource import SCHEDULES
    from skycam_project.cli.resources import find_row

    schedule = find_row(SCHEDULES, caller, name)
    ScheduleService(caller.user, caller.actor).remove(schedule)
    # Other resources print the row: this is what programs have read since there are schedules.
    print_result({"removed": schedule.name}, lambda one: print_line(f"Removed the schedule {one['removed']}."))


@schedules.command("skip", cls=Command)
@click.argument("name")
@shared_option("--night", "The night of this evening; the present or coming one by default.")
@click.option("--undo", is_flag=True, help="Do not skip it after all.")
def skip_night(name: str, night: datetime | None, undo: bool) -> None:
    """Skip a night of a schedule."""
    if not undo:
        change_night(name, night, "{schedule} skips {night}.", skip=True)
        return
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.runs.rules import present_night
    from scheduler.schedules.resource import SCHEDULES
    from skycam_project.cli.resources import find_row

    schedule = find_row(SCHEDULES, caller, name)
    chosen = night.date() if night else present_night(schedule)
    ScheduleService(caller.user, caller.actor).restore_night(schedule, chosen)
    body = {"night": chosen.isoformat(), "skip": False}
    print_result(body, lambda one: print_line(f"{schedule.name} keeps {one['night']}."))


@schedules.command("shift", cls=Command)
@click.argument("name")
@shared_option("--night", "The night of this evening; the present or coming one by default.")
@click.option("--begin", type=FutureTimeParam(), help="Begin this night at this time: 20:00, 1h (from now), ...")
@click.option("--end", type=FutureTimeParam(), help="End this night at this time.")
def shift_night(name: str, night: datetime | None, begin: datetime | None, end: datetime | None) -> None:
    """Begin a night early or late, or end it early or late. The runs before and after are shown.

    A run that has begun keeps its times; a later end makes a second run behind it.
    """
    change_night(name, night, "Changed the night of {night}.", begin=begin, end=end)


def change_night(name: str, night: datetime | None, said: str, **changes: Any) -> None:
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.schedules.resource import SCHEDULES, NightRequest
    from skycam_project.cli.resources import find_row

    schedule = find_row(SCHEDULES, caller, name)
    request = build_request(NightRequest, night=night and night.date(), **changes)
    changed = ScheduleService(caller.user, caller.actor).change_night(schedule, request)
    body = SCHEDULES.done(SCHEDULES.operation("night"), changed, caller.user)
    print_result(body, lambda one: print_changed_night(said.format(schedule=schedule.name, night=one["night"]), one))


def print_changed_night(what: str, body: dict[str, Any]) -> None:
    print_line(what)
    for title, runs in (("Runs before", body["before"]), ("Runs now", body["runs"])):
        rows = [
            [run["camera"], run["schedule"], format_time(run["begin"]), format_time(run["end"]), run["state"]]
            for run in runs
        ]
        if rows:
            print_table(make_table(["camera", "schedule", "from", "to", "state"], rows, title))
        else:
            print_line(f"{title}: none")
    for remark in body["remarks"]:
        print_line(remark)


def parts_of(values: dict[str, Any]) -> dict[str, Any]:
    """The fields that the options of `with_parts` set; None where none was given. CliError."""
    from scheduler.schedules.resource import MoonRequest, SunWindow

    sun, clock = values.pop("sun"), values.pop("clock")
    offsets = given(begin_offset_s=values.pop("begin_offset"), end_offset_s=values.pop("end_offset"))
    if sun is not None and clock is not None:
        raise CliError("invalid", "Give --sun or --clock, not both.")
    if offsets and sun is None:
        raise CliError("invalid", "--begin-offset and --end-offset need --sun.")
    moon = given(max_phase=values.pop("moon_phase"), max_altitude=values.pop("moon_altitude"))
    window = _clock_window(clock) if clock else None
    return {
        "window": build_request(SunWindow, sun=_degrees(sun), **offsets) if sun is not None else window,
        "moon": build_request(MoonRequest, MOON, **moon) if moon else None,
        "enabled": values.pop("enabled"),
        "programme": programme_of(values),
    }


def _degrees(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _clock_window(text: str) -> dict[str, str]:
    from scheduler.planning.rules import CLOCK

    begin, dash, end = text.partition("-")
    if not dash:
        raise CliError("invalid", f"--clock: {text!r} is not a pair of times. Write it as 20:00-05:00.")
    times = {"begin": begin.strip(), "end": end.strip()}
    if wrong := [at for at in times.values() if not CLOCK.fullmatch(at)]:
        raise CliError(
            "invalid",
            f"--clock: {wrong[0]!r} is not a time of day from 00:00 to 23:59. Write 20:00-05:00, or 12:00-12:00 for "
            "day and night.",
        )
    return times


def programme_of(values: dict[str, Any]) -> dict[str, Any] | None:
    """What the options of the exposure say, as a request; None when none was given."""
    if not given(**values):
        return None
    exposure, delay = values.pop("exposure"), values.pop("delay")
    found: dict[str, Any] = session_request(exposure, delay, **values).model_dump(mode="json", exclude_unset=True)
    return found


TWILIGHTS = (
    ("sunset", "sunset"), ("civil dusk", "civil_dusk"), ("nautical dusk", "nautical_dusk"),
    ("astronomical dusk", "astronomical_dusk"), ("astronomical dawn", "astronomical_dawn"),
    ("nautical dawn", "nautical_dawn"), ("civil dawn", "civil_dawn"), ("sunrise", "sunrise"), ("moonrise", "moonrise"),
    ("moonset", "moonset"),
)  # fmt: skip


@click.command(cls=Command)
@shared_option("--night", "The night of this evening, such as 2027-03-01.")
@click.option("--latitude", help="Plan for another place: degrees, north positive.")
@click.option("--longitude", help="Degrees, east positive.")
@click.option("--elevation", help="Metres above sea level.")
@shared_option("--time-zone", "The place's time zone, such as Europe/Berlin; UTC by default.")
def tonight(night: datetime | None, **place: Any) -> None:
    """Show the runs of the coming night, or why nothing runs.

    It also shows twilight, Moon, expected pictures and room on the disk. With --night or a place it is a dry run.
    """
    caller = current().authorize("viewer")
    from django.utils import timezone

    from core.resources.resource import body_of
    from scheduler.tonight.bodies import NightBody
    from scheduler.tonight.night import night_for
    from scheduler.tonight.warnings import warnings_of

    wanted = given(night=night.date() if night else None, **place)
    found = night_for(caller.user, **(dry_run(wanted) if wanted else {}))
    warned = replace(found, warnings=warnings_of(found, statuses(), timezone.now()))
    print_result(body_of(NightBody, warned), print_night)


def statuses() -> dict[str, Status] | None:
    """The status of each camera; None while the broker is away."""
    from cameras.status.reader import read_station
    from core.broker.hiredis_client import BrokerDown

    config = current().config
    try:
        return {one["camera"]: one for one in read_station(config.redis_url, config.station.id)["cameras"]}
    except BrokerDown:
        return None


def dry_run(wanted: dict[str, Any]) -> dict[str, Any]:
    """The arguments of another night or place. CliError."""
    from scheduler.tonight.bodies import NightQuery
    from skycam_project.cli.programme_options import build_request

    query = build_request(NightQuery, **wanted)
    return {"night": query.night, "place": query.place}


def print_night(body: dict[str, Any]) -> None:
    zone = current().zone_of(body["site"]["time_zone"])
    print_line(f"Night of {body['night']}{', dry run' if body['dry_run'] else ''}; times in {zone}")
    print_line(body["sentence"])
    for one in body["warnings"]:
        print_line(f"{one['severity']}: {one['message']}")
    if body["twilight"]:
        print_line(sky_line(body["twilight"], zone))
    if body["runs"]:
        columns = ["camera", "schedule", "from", "to", "exposure", "pictures", "size", "state"]
        print_table(make_table(columns, [row for run in body["runs"] for row in run_rows(run, zone)]))
    for room in body["room"]:
        print_line(room_line(room))
    for one in [*body["without_run"], *body["shortened"]]:
        print_line(f"{one['camera']}, {one['schedule']}: {one['message']}")


def sky_line(sky: dict[str, Any], zone: tzinfo) -> str:
    times = [f"{words} {clock_time(sky[name], zone):%H:%M}" for words, name in TWILIGHTS if sky[name]]
    return ", ".join([*times, f"Moon {sky['moon_phase']:.0%} lit"]) + "."


def clock_time(text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)


def run_rows(run: dict[str, Any], zone: tzinfo) -> list[list[object]]:
    """A row for each window; the amounts are those of the whole run."""
    from core.templatetags.skycam import format_bytes

    size = "" if run["bytes"] is None else format_bytes(run["bytes"])
    first = [run["camera"], run["schedule"]]
    return [
        [
            *first, *(f"{clock_time(at, zone):%Y-%m-%d %H:%M:%S %Z}" for at in (begin, end)), run["exposures"],
            run["pictures"], size, run["state"],
        ]
        for begin, end in run["windows"]
    ]  # fmt: skip


def room_line(room: dict[str, Any]) -> str:
    from core.templatetags.skycam import format_bytes

    needed = "an unknown size" if room["needed_bytes"] is None else format_bytes(room["needed_bytes"])
    free = "unknown" if room["free_bytes"] is None else format_bytes(room["free_bytes"])
    return f"{room['camera']} needs {needed}; free on its disk: {free}."
