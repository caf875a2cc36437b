"""`skycam stop`, `pause` and `resume` by camera, and how sessions are printed; `skycam sessions` has the same by the
session's id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import (
    format_requested_and_used,
    format_time,
    humanize,
    print_fields,
    print_line,
    print_result,
    print_warnings,
)
from skycam_project.cli.shared_options import camera
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.spool.records import Programme
    from captures.camera_service import CameraService
    from captures.models import Session
    from skycam_project.cli.identity import Caller


def print_session(body: dict[str, Any]) -> None:
    print_line(f"{body['camera']}: session {body['name'] or body['id']} is {body['state']}.")
    programme, actual = body["programme"], body.get("actual") or {}
    print_fields(
        [
            ("exposure", exposure_text(programme, actual)),
            ("f-number", requested_and_actual(programme, actual, "f_number")),
            ("ISO", requested_and_actual(programme, actual, "iso")),
            ("gain", requested_and_actual(programme, actual, "gain")),
            ("delay", with_unit(programme.get("delay_s"), "s")),
            ("cadence", with_unit(programme.get("cadence_s"), "s")),
            ("count", programme.get("count")),
            ("until", format_time(programme.get("until"))),
            ("windows", windows_text(programme)),
            ("reason", humanize(body["reason"])),
            ("message", body["message"]),
            ("planned", body["planned"]),
            ("saved", body["saved"]),
            ("failed", body["failed"]),
            ("skipped", body["skipped"]),
            ("id", body["id"]),
        ]
    )
    print_warnings(body.get("warnings") or [])


def exposure_text(programme: dict[str, Any], actual: dict[str, Any]) -> str:
    """The exposures of a cycle; of an interval with the one that the camera uses."""
    from cameras.programmes.kinds import describe_exposures

    if "control" in programme or programme.get("kind", "interval") != "interval":
        return describe_exposures(cast("Programme", programme))
    requested = programme.get("exposure_us")
    return format_requested_and_used(requested, actual.get("exposure_us", requested))


def windows_text(programme: dict[str, Any]) -> str:
    return ", ".join(f"{format_time(begin)} to {format_time(end)}" for begin, end in programme.get("windows", []))


def requested_and_actual(programme: dict[str, Any], actual: dict[str, Any], name: str) -> str:
    requested, used = programme.get(name), actual.get(name)
    if requested is None or used is None or requested == used:
        return str(requested if used is None else used) if (requested, used) != (None, None) else ""
    return f"{requested} requested, {used} used"


def with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"


suspend_experiments = click.option(
    "--suspend-experiments", is_flag=True, help="Stop it for experiments whose stills it takes, too."
)


@click.command(cls=Command)
@camera()
@suspend_experiments
def stop(camera: str | None, suspend_experiments: bool) -> None:
    """Stop the session that runs on a camera. Refused while it takes the stills of an experiment."""
    caller = current().authorize("operator")
    stop_session(caller, running_session(caller, camera), suspend_experiments)


@click.command(cls=Command)
@camera()
def pause(camera: str | None) -> None:
    """Pause the session that runs on a camera. The current capture finishes, and no further one starts.

    It stays paused across restarts, and the captures missed meanwhile are a gap.
    """
    caller = current().authorize("operator")
    change_session(caller, running_session(caller, camera), "pause")


@click.command(cls=Command)
@camera()
def resume(camera: str | None) -> None:
    """Resume the session that is paused on a camera."""
    caller = current().authorize("operator")
    change_session(caller, running_session(caller, camera), "resume")


def running_session(caller: Caller, slug: str | None) -> Session:
    """The camera's active session; CliError when there is none."""
    from captures.sessions.selectors import active_session

    found = find_camera(caller, slug)
    session = active_session(found)
    if session is None:
        raise CliError("not-found", f"No session runs on {found.slug}. `skycam start {found.slug}` starts one.")
    return session


def stop_session(caller: Caller, session: Session, suspend_experiments: bool) -> None:
    """Stop the session, and show its state afterwards."""
    change_session(caller, session, "suspend" if suspend_experiments else "stop")


def change_session(caller: Caller, session: Session, order: str) -> None:
    """Stop, pause or resume the session, and show its state afterwards."""
    from captures.camera_service import CameraService
    from captures.sessions.answers import SessionBody
    from core.resources.resource import body_of

    service = CameraService(caller.actor)
    print_result(body_of(SessionBody, apply_change(service, session, order)), print_changed)


def apply_change(service: CameraService, session: Session, order: str) -> Session:
    """The session once its camera has applied the change."""
    moves: dict[str, Callable[[Session], Session]] = {
        "stop": service.stop_session,
        "suspend": lambda found: service.stop_session(found, "suspend"),
        "pause": service.pause_session,
        "resume": service.resume_session,
    }
    return moves[order](session)


def print_changed(body: dict[str, Any]) -> None:
    print_session(body)
    if body["desired"] == "paused" and body["state"] == "running":
        print_line("It pauses after the current capture.")
