"""`skycam tonight`: the runs of a night, and why nothing runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.options import Command, given
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.status.messages import Status

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

    from core.resources.answers import body_of
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
    from scheduler.tonight.queries import NightQuery
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
