"""`skycam tonight`: the runs of a night, and why nothing runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.station import current

TWILIGHTS = (
    ("sunset", "sunset"), ("civil dusk", "civil_dusk"), ("nautical dusk", "nautical_dusk"),
    ("astronomical dusk", "astronomical_dusk"), ("astronomical dawn", "astronomical_dawn"),
    ("nautical dawn", "nautical_dawn"), ("civil dawn", "civil_dawn"), ("sunrise", "sunrise"), ("moonrise", "moonrise"),
    ("moonset", "moonset"),
)  # fmt: skip


@click.command(cls=Command)
@click.option("--night", type=click.DateTime(["%Y-%m-%d"]), help="The night of this evening, such as 2027-03-01.")
@click.option("--latitude", type=float, help="Plan for another place: degrees, north positive.")
@click.option("--longitude", type=float, help="Degrees, east positive.")
@click.option("--elevation", type=float, help="Metres above sea level.")
@click.option("--time-zone", help="The place's time zone, such as Europe/Berlin; UTC by default.")
def tonight(night: datetime | None, **place: Any) -> None:
    """Show the runs of the coming night, or why nothing runs.

    It also shows twilight, Moon, expected pictures and room on the disk. With --night or a place it is a dry run.
    """
    caller = current().authorize("viewer")
    from scheduler.tonight.night import night_body, night_for
    from scheduler.tonight.queries import NightQuery

    query = build_request(NightQuery, night=night.date() if night else None, **place)
    found = night_for(caller.user, night=query.night, place=query.place)
    print_result(dict(night_body(found)), print_night)


def print_night(body: dict[str, Any]) -> None:
    print_line(f"Night of {body['night']}{', dry run' if body['dry_run'] else ''}")
    print_line(body["sentence"])
    if body["twilight"]:
        print_line(sky_line(body["twilight"]))
    if body["runs"]:
        columns = ["camera", "schedule", "from", "to", "exposure", "pictures", "size", "state"]
        print_table(make_table(columns, [row for run in body["runs"] for row in run_rows(run)]))
    for room in body["room"]:
        print_line(room_line(room))
    for one in [*body["without_run"], *body["shortened"]]:
        print_line(f"{one['camera']}, {one['schedule']}: {one['message']}")


def sky_line(sky: dict[str, Any]) -> str:
    times = [f"{words} {format_time(sky[name])[11:16]}" for words, name in TWILIGHTS if sky[name]]
    return ", ".join([*times, f"Moon {sky['moon_phase']:.0%} lit"]) + "."


def run_rows(run: dict[str, Any]) -> list[list[object]]:
    """A row for each window; the amounts are those of the whole run."""
    from core.templatetags.skycam import format_bytes

    size = "" if run["bytes"] is None else format_bytes(run["bytes"])
    first = [run["camera"], run["schedule"]]
    return [
        [*first, format_time(begin), format_time(end), run["exposures"], run["pictures"], size, run["state"]]
        for begin, end in run["windows"]
    ]


def room_line(room: dict[str, Any]) -> str:
    from core.templatetags.skycam import format_bytes

    needed = "an unknown size" if room["needed_bytes"] is None else format_bytes(room["needed_bytes"])
    free = "unknown" if room["free_bytes"] is None else format_bytes(room["free_bytes"])
    return f"{room['camera']} needs {needed}; free on its disk: {free}."
