"""`skycam schedules`: what the cameras capture in which nights."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import DurationParam, FutureTimeParam, Group, given
from skycam_project.cli.output import format_time, make_table, print_fields, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request, programme_options, session_request
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from scheduler.models import Schedule
    from skycam_project.cli.identity import Caller

DATE = click.DateTime(["%Y-%m-%d"])
TIMES = (
    shared_option("--camera", "A camera of the schedule; may be given again.", into="cameras", multiple=True),
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
    click.option("--weekdays", help="Only in nights that begin on these days, such as fri,sat."),
    click.option("--first-night", type=DATE, help="Not before this night, such as 2027-03-01."),
    click.option("--last-night", type=DATE, help="Not after this night."),
    click.option("--priority", type=int, help="Of two schedules at the same time the higher one has the camera."),
    shared_option("--enabled/--disabled", "Whether it is used."),
    click.option(
        "--on-held", type=click.Choice(["wait", "take_over"]), help="What it does while someone holds a camera."
    ),
)


def schedule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a schedule to a command."""
    for option in reversed(TIMES):
        function = option(function)
    return function


@click.group(cls=Group)
def schedules() -> None:
    """List, add, change and remove schedules, and skip a night."""


@schedules.command("list")
def list_schedules() -> None:
    """List the schedules, the highest priority first."""
    caller = current().authorize("viewer")
    from scheduler.schedules.bodies import schedule_body
    from scheduler.schedules.selectors import schedules_for

    found = [dict(schedule_body(schedule)) for schedule in schedules_for(caller.user)]
    print_result({"results": found}, print_schedules)


@schedules.command("show")
@click.argument("name")
def show_schedule(name: str) -> None:
    """Show a schedule."""
    caller = current().authorize("viewer")
    from scheduler.schedules.bodies import schedule_body

    print_result(dict(schedule_body(find_schedule(caller, name))), print_schedule)


@schedules.command("add")
@click.argument("name")
@schedule_options
@programme_options
def add_schedule(name: str, **values: Any) -> None:
    """Add a schedule. Its runs of the next nights are planned at once; `skycam tonight` shows them.

    Example: skycam schedules add "Dark sky" -c dslr --sun astronomical -e 8s --every 12s
    """
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.schedules.bodies import schedule_body
    from scheduler.schedules.requests import ScheduleRequest

    wanted = {"name": name, **schedule_fields(values), "programme": programme_of(values) or {}}
    if "window" not in wanted:
        raise CliError("invalid", "Say when it captures: --sun astronomical, or --clock 20:00-05:00.")
    request = build_request(ScheduleRequest, option_names(wanted), **wanted)
    schedule = ScheduleService(caller.user, caller.actor).add(request)
    print_result(dict(schedule_body(schedule)), print_schedule)


@schedules.command("change")
@click.argument("name")
@shared_option("--name", "Another name.", into="new_name")
@schedule_options
@programme_options
def change_schedule(name: str, new_name: str | None, **values: Any) -> None:
    """Change a schedule.

    Only what is given changes; with an option of the exposure, all of what it captures. A run that has begun stays.
    """
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService, request_of
    from scheduler.schedules.bodies import schedule_body
    from scheduler.schedules.requests import ScheduleRequest

    schedule = find_schedule(caller, name)
    fields = schedule_fields(values)
    changes = {**fields, **given(name=new_name, programme=programme_of(values))}
    wanted = {**request_of(schedule_body(schedule)), **changes}
    request = build_request(ScheduleRequest, option_names(wanted), **wanted)
    changed = ScheduleService(caller.user, caller.actor).change(schedule, request)
    print_result(dict(schedule_body(changed)), print_schedule)


@schedules.command("remove")
@click.argument("name")
def remove_schedule(name: str) -> None:
    """Remove a schedule and its runs that have not begun. A session that runs continues."""
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService

    schedule = find_schedule(caller, name)
    body = {"removed": schedule.name}
    ScheduleService(caller.user, caller.actor).remove(schedule)
    print_result(body, lambda found: print_line(f"Removed the schedule {found['removed']}."))


@schedules.command("skip")
@click.argument("name")
@shared_option("--night", "The night of this evening; the present or coming one by default.")
@click.option("--undo", is_flag=True, help="Do not skip it after all.")
def skip_night(name: str, night: datetime | None, undo: bool) -> None:
    """Skip a night of a schedule."""
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.runs.nights import present_night
    from scheduler.schedules.requests import NightRequest

    schedule = find_schedule(caller, name)
    chosen, service = night.date() if night else present_night(schedule), ScheduleService(caller.user, caller.actor)
    if undo:
        service.restore_night(schedule, chosen)
        body = {"night": chosen.isoformat(), "skip": False}
        print_result(body, lambda one: print_line(f"{schedule.name} keeps {one['night']}."))
        return
    changed = service.change_night(schedule, NightRequest(skip=True), chosen)
    print_result(dict(changed.body()), lambda one: print_changed_night(f"{schedule.name} skips {one['night']}.", one))


@schedules.command("shift")
@click.argument("name")
@shared_option("--night", "The night of this evening; the present or coming one by default.")
@click.option("--begin", type=FutureTimeParam(), help="Begin this night at this time: 20:00, 1h (from now), ...")
@click.option("--end", type=FutureTimeParam(), help="End this night at this time.")
def shift_night(name: str, night: datetime | None, begin: datetime | None, end: datetime | None) -> None:
    """Begin a night early or late, or end it early or late. The runs before and after are shown.

    A run that has begun keeps its times; a later end makes a second run behind it.
    """
    caller = current().authorize("operator")
    from scheduler.editing.service import ScheduleService
    from scheduler.runs.nights import present_night
    from scheduler.schedules.requests import NightRequest

    schedule = find_schedule(caller, name)
    request = build_request(NightRequest, begin=begin, end=end)
    chosen = night.date() if night else present_night(schedule)
    changed = ScheduleService(caller.user, caller.actor).change_night(schedule, request, chosen)
    print_result(dict(changed.body()), lambda one: print_changed_night(f"Changed the night of {one['night']}.", one))


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


OPTIONS = {"cameras": "--camera", "programme": "--exposure"}
MOON = {"max_phase": "--moon-phase", "max_altitude": "--moon-altitude"}


def option_names(wanted: dict[str, Any]) -> dict[str, str]:
    """Field -> the option that sets it."""
    return {**OPTIONS, "window": "--sun" if "sun" in wanted["window"] else "--clock"}


def schedule_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Takes the options of a schedule out of `values`. CliError."""
    from scheduler.schedules.requests import MoonRequest

    sun, clock = values.pop("sun"), values.pop("clock")
    offsets = given(begin_offset_s=values.pop("begin_offset"), end_offset_s=values.pop("end_offset"))
    if sun is not None and clock is not None:
        raise CliError("invalid", "Give --sun or --clock, not both.")
    if offsets and sun is None:
        raise CliError("invalid", "--begin-offset and --end-offset need --sun.")
    window = {"sun": _degrees(sun), **offsets} if sun is not None else _clock_window(clock) if clock else None
    moon = given(max_phase=values.pop("moon_phase"), max_altitude=values.pop("moon_altitude"))
    days, dates = values.pop("weekdays"), {name: values.pop(name) for name in ("first_night", "last_night")}
    return given(
        cameras=list(values.pop("cameras")) or None,
        window=window,
        moon=build_request(MoonRequest, MOON, **moon) if moon else None,
        weekdays=[day.strip().lower() for day in days.split(",")] if days else None,
        priority=values.pop("priority"),
        enabled=values.pop("enabled"),
        on_held=values.pop("on_held"),
        **{name: at.date() if at else None for name, at in dates.items()},
    )


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


def find_schedule(caller: Caller, name: str) -> Schedule:
    """CliError when there is no schedule of this name."""
    from scheduler.schedules.selectors import schedules_for

    schedule = schedules_for(caller.user).filter(name__iexact=name).first()
    if schedule is None:
        raise CliError("not-found", f"There is no schedule {name!r}; `skycam schedules list` has them.")
    return schedule


def print_schedules(body: dict[str, Any]) -> None:
    from scheduler.schedules.descriptions import window_sentence

    columns = ["name", "cameras", "when", "captures", "priority", "state"]
    rows = [
        [
            one["name"], ", ".join(one["cameras"]), window_sentence(one["window"]), captures_text(one), one["priority"],
            "enabled" if one["enabled"] else "disabled",
        ]
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(columns, rows))


def print_schedule(body: dict[str, Any]) -> None:
    from scheduler.schedules.descriptions import moon_sentence, window_sentence

    print_fields(
        [
            ("name", body["name"]),
            ("state", "enabled" if body["enabled"] else "disabled"),
            ("cameras", ", ".join(body["cameras"])),
            ("when", window_sentence(body["window"])),
            ("Moon", moon_sentence(body["moon"])),
            ("weekdays", ", ".join(body["weekdays"])),
            ("first night", body["first_night"]),
            ("last night", body["last_night"]),
            ("priority", body["priority"]),
            ("while held", body["on_held"].replace("_", " ")),
            ("captures", captures_text(body)),
            ("changes", ", ".join(change_text(change) for change in body["changes"])),
            ("id", body["id"]),
        ]
    )


def captures_text(schedule: dict[str, Any]) -> str:
    """As on the page Schedules."""
    from pydantic import ValidationError

    from scheduler.schedules.descriptions import programme_sentence

    try:
        return programme_sentence(schedule["programme"])
    except ValidationError:
        return "They are not valid any more: `skycam schedules change` sets them."


def change_text(change: dict[str, Any]) -> str:
    return f"{change['night']} {'skipped' if change['skip'] else 'changed'}"
