"""`skycam telescope plan`: a whole night as a dry run, with the reason of each choice. It needs no station."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.text.site_advice import SET_THE_SITE
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from scheduler.telescope.night.field_file import ListedField
    from scheduler.telescope.night.night_plan import NightPlan
    from scheduler.telescope.night.sky import TelescopeSite

COLUMNS = ("time", "field", "kind", "no.", "exposure", "HA", "airmass", "reason")
MESSAGE_SITE = (
    "{text!r} is no place. Give degrees and metres: LATITUDE,LONGITUDE,ELEVATION, such as -29.257,-70.73,2347."
)
MESSAGE_NO_SITE = f"The station does not know its place. {SET_THE_SITE}, or give --site."


@click.command(cls=Command)
@click.argument("fields", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@shared_option("--night", "The night of this evening; the present or coming one by default.", former="--date")
@click.option(
    "--site",
    metavar="LAT,LON,ELEV",
    help="Degrees and metres, such as --site=-29.257,-70.73,2347; without it, the station's.",
)
@click.option(
    "--rule", type=click.Choice(["priority", "sequential"]), default="priority", show_default=True,
    help="The rules of the scheduler, or the order of the list.",
)  # fmt: skip
@click.option("--add", type=click.Path(exists=True, dir_okay=False), help="An .add file, from sunset on.")
@click.option("--passed-over", is_flag=True, help="Show at each choice why the others were not chosen.")
def plan(
    fields: str, night: datetime | None, site: str | None, rule: str, add: str | None, *, passed_over: bool
) -> None:
    """Plan the night of a telescope from a field file.

    FIELDS is the file, or - for the standard input. Nothing is stored. A wrong line is named with its
    number; the exit status is then 2.
    """
    from scheduler.telescope.night.field_lists import merge_added
    from scheduler.telescope.night.night_plan import PlanOptions, plan_night

    listed = read_fields(fields)
    if add is not None:
        try:
            listed = merge_added(listed, read_fields(add))
        except ValueError as error:
            raise CliError("invalid", str(error)) from None
    place = parse_site(site) if site is not None else configured_site()
    planned = plan_night(
        listed, place, night.date() if night else present_evening(place),
        options=PlanOptions(rule=rule),  # type: ignore[arg-type]
    )  # fmt: skip
    print_result(plan_body(planned, passed_over=passed_over), print_plan)


def read_fields(name: str) -> tuple[ListedField, ...]:
    """CliError with a line for each wrong one."""
    from scheduler.telescope.night.field_file import LATIN_1, decode_field_file, parse_field_file

    text, is_latin_1 = decode_field_file(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    if is_latin_1:
        print_line(f"{name} {LATIN_1}", err=True)
    parsed = parse_field_file(text)
    if parsed.errors:
        raise CliError("invalid", "\n".join(f"{name}: {error}" for error in parsed.errors))
    return parsed.fields


def parse_site(text: str) -> TelescopeSite:
    from scheduler.telescope.night.sky import TelescopeSite

    try:
        latitude, longitude, elevation = map(float, text.split(","))
    except ValueError:
        raise CliError("invalid", MESSAGE_SITE.format(text=text)) from None
    try:
        return TelescopeSite(latitude, longitude, elevation)
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def configured_site() -> TelescopeSite:
    from scheduler.telescope.night.sky import TelescopeSite

    site = current().site
    if site is None or site.latitude is None or site.longitude is None:
        raise CliError("invalid", MESSAGE_NO_SITE)
    return TelescopeSite(site.latitude, site.longitude, site.elevation)


def present_evening(site: TelescopeSite) -> date:
    """By the mean time of the site, from noon to noon."""
    return (datetime.now(UTC) + timedelta(hours=site.longitude / 15 - 12)).date()


def plan_body(planned: NightPlan, *, passed_over: bool) -> dict[str, Any]:
    from core.resources.answers import body_of
    from scheduler.telescope.night.plan_bodies import PassedOverBody, PlanBody

    body = body_of(PlanBody, planned)
    if passed_over:
        for index, one in enumerate(body["observations"]):
            one["passed_over"] = [body_of(PassedOverBody, other) for other in planned.choice(index).passed_over()]
    return body


def print_plan(body: dict[str, Any]) -> None:
    times = ", ".join(
        f"{words} {clock(body[name]):%H:%M}"
        for name, words in (
            ("sunset", "sunset"), ("dark_begin", "dark from"), ("dark_end", "to"), ("sunrise", "sunrise"),
        )
    )  # fmt: skip
    night = f"Night of {body['evening']}, times in {current().zone}"
    print_line(f"{night}: {times}. The Moon is {body['moon_illumination']:.0%} lit.")
    if body["observations"]:
        print_table(make_table(COLUMNS, (row_of(one) for one in body["observations"])))
    else:
        print_line("Nothing is observed.")
    for one in body["observations"]:
        for other in one.get("passed_over", ()):
            print_line(f"{clock(one['at']):%H:%M:%S} {name_of(other)}: {other['reason']}")
    for one in body["unfinished"]:
        print_line(f"Not finished: {name_of(one)}: {one['reason']}")


def clock(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(current().zone)


def row_of(one: dict[str, Any]) -> tuple[object, ...]:
    hour_angle = "" if one["ha_h"] is None else f"{one['ha_h']:+.2f} h"
    airmass = "" if one["airmass"] is None else f"{one['airmass']:.2f}"
    return (
        f"{clock(one['at']):%H:%M:%S}", name_of(one), one["kind"], one["number"], f"{one['exposure_s']:g} s",
        hour_angle, airmass, one["reason"],
    )  # fmt: skip


def name_of(one: dict[str, Any]) -> str:
    """The comment of its line, or what it is."""
    return str(one["comment"] or one["field"])
