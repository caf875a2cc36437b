"""`skycam telescope`: the robotic telescope, its controller to rehearse with, and the plan of a night: a dry run,
with the reason of each choice, that needs no station."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import pluralize
from core.times.sun import SET_THE_SITE
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table, to_json
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from scheduler.telescope.night.field_file import ListedField
    from scheduler.telescope.night.night_plan import NightPlan
    from scheduler.telescope.night.sky import TelescopeSite
    from scheduler.telescope.simulator.faults import FaultKind
    from scheduler.telescope.simulator.fits_files import FitsWriter
    from scheduler.telescope.simulator.options import SimulatorOptions
    from scheduler.telescope.simulator.simulator import CommandReport

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
    from core.resources.resource import body_of
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


OPTIONS = {"ra_h": "--ra", "dec_deg": "--dec", "readout_s": "--readout", "fetch_s": "--fetch"}
"""Field -> option, where the names differ."""


@click.group(cls=Group)
def telescope() -> None:
    """Rehearse with a simulated telescope, plan its night."""


telescope.add_command(plan)


# The choices are those of `scheduler.telescope.simulator`, which is not imported for the help.
@telescope.command(cls=Command)
@click.option("--profile", type=click.Choice(["seed", "2025", "2026"]), default="2025", show_default=True,
              help="Version of the scheduler: its ports.")  # fmt: skip
@shared_option("--host", "Address to listen on.", default="127.0.0.1", show_default=True)
@click.option("--command-port", type=click.IntRange(0, 65_535), help="Instead of the profile's; 0: a free one.")
@click.option("--status-port", type=click.IntRange(0, 65_535), help="Instead of the profile's; 0: a free one.")
@click.option(
    "--controllers", type=click.Choice(["1", "4"]), default="4", show_default=True, help="How many controllers."
)
@click.option("--strict/--lenient", default=False, help="Strict: as the real controller. Default: lenient.")
@click.option("--closing/--non-closing", default=True, help="Close after each reply. Default: closing.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="10 divides all times by ten.")
@click.option("--readout", type=float, default=8.5, show_default=True, help="Seconds of a readout.")
@click.option("--fetch", type=float, default=3.3, show_default=True, help="Seconds from memory to the host.")
@click.option("--data", metavar="FOLDER", default="", help="Write FITS files here; without it, none are written.")
@click.option("--width", type=int, default=512, show_default=True, help="Pixels of a CCD.")
@click.option("--height", type=int, default=1024, show_default=True, help="Pixels of a CCD.")
@click.option("--ra", type=float, default=5.5, show_default=True, help="Hours, where no header word says it.")
@click.option("--dec", type=float, default=-30.0, show_default=True, help="Degrees, where no header word says it.")
@click.option("--fault", "faults", multiple=True, metavar="KIND[:N]", help="A fault, for N replies or a share of them.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of noise and random faults.")
def simulate(faults: tuple[str, ...], **options: Any) -> int:
    """Run a simulated controller of the mosaic camera, until Ctrl-C.

    It answers programs that speak the scheduler's socket protocol, such as the C scheduler of 2025, and
    shows each command. Faults: no-answer, half, slow, error, drop, garbage, wrong-date, frozen-status,
    refuse; `error:3` strikes three times, `error:0.1` one reply in ten.
    """
    from scheduler.telescope.driver.clock import SystemClock
    from scheduler.telescope.simulator.simulator import ControllerSimulator

    chosen, armed = simulator_options(options), [parse_one_fault(text) for text in faults]
    log = CommandLog()
    with ExitStack() as stack:
        writer = open_writer(chosen) if chosen.folder else None
        if writer is not None:
            stack.callback(writer.close)
        write_image = None if writer is None else writer.write_image
        simulator = ControllerSimulator(chosen, SystemClock(), log.print_command, write_image)
        for kind, count, probability in armed:
            simulator.faults.arm(kind, count, probability)
        stack.callback(simulator.close)
        try:
            simulator.bind()
        except OSError as error:
            raise CliError(
                "failed", f"The controller cannot listen on {chosen.host}: {error.strerror}. Choose other ports by"
                " --command-port and --status-port.",
            ) from None  # fmt: skip
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: simulator.stop())
        print_start(chosen.host, simulator.command_port, simulator.status_port)
        simulator.run()
        print_end(log.commands, simulator.images, 0 if writer is None else writer.written)
    return 0


def simulator_options(options: dict[str, Any]) -> SimulatorOptions:
    """CliError for a value that no controller has."""
    from scheduler.telescope.simulator.options import LIMITS, SimulatorOptions

    try:
        return SimulatorOptions(
            profile=options["profile"], host=options["host"], command_port=options["command_port"],
            status_port=options["status_port"], controllers=int(options["controllers"]),
            is_strict=options["strict"], is_closing=options["closing"], speed=options["speed"],
            readout_s=options["readout"], fetch_s=options["fetch"], folder=options["data"], width=options["width"],
            height=options["height"], ra_h=options["ra"], dec_deg=options["dec"], seed=options["seed"],
        )  # fmt: skip
    except ValueError as error:
        field, _, rest = str(error).partition(" ")
        option = OPTIONS.get(field, f"--{field}") if field in LIMITS else field
        raise CliError("invalid", f"{option} {rest}") from None


def open_writer(options: SimulatorOptions) -> FitsWriter:
    """CliError."""
    # Here, because astropy takes a third of a second.
    from scheduler.telescope.simulator.fits_files import FitsWriter

    try:
        return FitsWriter(options)
    except OSError as error:
        raise CliError("invalid", f"The folder {options.folder} cannot be used: {error.strerror}.") from None


def parse_one_fault(text: str) -> tuple[FaultKind, int | None, float]:
    from scheduler.telescope.simulator.faults import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def print_start(host: str, command_port: int, status_port: int) -> None:
    if current().output == "json":
        click.echo(to_json({"host": host, "command_port": command_port, "status_port": status_port}))
    else:
        print_line(f"The controller listens on {host}: commands on port {command_port}, status on port {status_port}.")


class CommandLog:
    """Prints each command, and counts those of the command port."""

    def __init__(self) -> None:
        self.commands = 0

    def print_command(self, report: CommandReport) -> None:
        self.commands += report.port == "command"
        at = datetime.fromtimestamp(report.at_ns / 1e9, UTC)
        if current().output == "json":
            body = {
                "at": at, "port": report.port, "command": report.text, "reply": report.reply,
                "seconds": round(report.seconds, 3), "fault": report.fault,
            }  # fmt: skip
            click.echo(to_json(body))
        # A scheduler that waits for the end of an exposure asks for the status ten times in a second.
        elif report.port == "command" or report.fault is not None:
            fault = f" [{report.fault}]" if report.fault else ""
            print_line(f"{at:%H:%M:%S}Z {report.text} -> {report.reply or 'no reply'} ({report.seconds:.1f} s){fault}")


def print_end(commands: int, images: int, files: int) -> None:
    if current().output == "json":
        click.echo(to_json({"commands": commands, "images": images, "files": files}))
    else:
        counts = ((commands, "command"), (images, "image"), (files, "file"))
        print_line(f"The controller has ended: {', '.join(pluralize(*one) for one in counts)}.")
