"""`skycam telescope`: the robotic telescope, its controller to rehearse with, and the plan of a night."""

from __future__ import annotations

import signal
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import print_line, to_json
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.telescope_simulator.simulator import CommandReport


@click.group(cls=Group)
def telescope() -> None:
    """Rehearse with a simulated telescope, plan its night."""


# The choices are those of `cameras.telescope_simulator`, which is not imported for the help.
@telescope.command(cls=Command)
@click.option("--profile", type=click.Choice(["seed", "2025", "2026"]), default="2025", show_default=True,
              help="Version of the scheduler: its ports.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--command-port", type=click.IntRange(0, 65_535), help="Instead of the profile's; 0: a free one.")
@click.option("--status-port", type=click.IntRange(0, 65_535), help="Instead of the profile's; 0: a free one.")
@click.option("--controllers", type=click.Choice(["1", "4"]), default="4", show_default=True)
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
    from cameras.drivers.telescope.clock import SystemClock
    from cameras.telescope_simulator.fits_files import FitsWriter
    from cameras.telescope_simulator.simulator import ControllerSimulator

    chosen, armed = simulator_options(options), [parse_one_fault(text) for text in faults]
    with ExitStack() as stack:
        writer = None
        if chosen.folder:
            try:
                writer = FitsWriter(chosen)
            except OSError as error:
                raise CliError("invalid", f"The folder {chosen.folder} cannot be used: {error.strerror}.") from None
            stack.callback(writer.close)
        simulator = ControllerSimulator(chosen, SystemClock(), print_command, writer.write_image if writer else None)
        for kind, count, probability in armed:
            simulator.faults.arm(kind, count, probability)
        stack.callback(simulator.close)
        try:
            simulator.bind()
        except OSError as error:
            raise CliError(
                "unexpected", f"The controller cannot listen on {chosen.host}: {error.strerror}. Choose other ports by"
                " --command-port and --status-port.", status=1,
            ) from None  # fmt: skip
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: simulator.stop())
        print_start(chosen.host, simulator.command_port, simulator.status_port)
        simulator.run()
        print_end(simulator.images, writer.written if writer else 0)
    return 0


def simulator_options(options: dict[str, Any]) -> Any:
    """CliError for a value that no controller has."""
    from cameras.telescope_simulator.options import SimulatorOptions

    try:
        return SimulatorOptions(
            profile=options["profile"], host=options["host"], command_port=options["command_port"],
            status_port=options["status_port"], controllers=int(options["controllers"]),
            is_strict=options["strict"], is_closing=options["closing"], speed=options["speed"],
            readout_s=options["readout"], fetch_s=options["fetch"], folder=options["data"], width=options["width"],
            height=options["height"], ra_h=options["ra"], dec_deg=options["dec"], seed=options["seed"],
        )  # fmt: skip
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def parse_one_fault(text: str) -> Any:
    from cameras.telescope_simulator.faults import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def print_start(host: str, command_port: int, status_port: int) -> None:
    if current().output == "json":
        click.echo(to_json({"host": host, "command_port": command_port, "status_port": status_port}))
    else:
        print_line(f"The controller listens on {host}: commands on port {command_port}, status on port {status_port}.")


def print_command(report: CommandReport) -> None:
    if current().output == "json":
        at = datetime.fromtimestamp(report.at_ns / 1e9, UTC).isoformat()
        click.echo(
            to_json(
                {
                    "at": at, "port": report.port, "command": report.text, "reply": report.reply,
                    "seconds": round(report.seconds, 3), "fault": report.fault,
                }
            )
        )  # fmt: skip
        return
    # Each half second the scheduler asks for the status.
    if report.port == "status" and report.fault is None:
        return
    time = datetime.fromtimestamp(report.at_ns / 1e9, UTC)
    fault = f" [{report.fault}]" if report.fault else ""
    print_line(f"{time:%H:%M:%S} {report.text} -> {report.reply or 'no reply'} ({report.seconds:.1f} s){fault}")


def print_end(images: int, files: int) -> None:
    if current().output == "json":
        click.echo(to_json({"images": images, "files": files}))
    else:
        with suppress(OSError):
            print_line(f"The controller has ended: {images} images, {files} files.")
