"""`skycam stop`, `pause` and `resume` by camera; `skycam sessions` has the same by the session's id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.camera_parameter import camera
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.session_output import print_session
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.camera_service import CameraService
    from captures.models import Session
    from skycam_project.cli.identity import Caller

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
    from core.resources.answers import body_of

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
