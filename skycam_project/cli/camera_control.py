"""`skycam connect`, `disconnect`, `take` and `release`, and how commands find their camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import did_you_mean
from skycam_project.cli.errors import UNKNOWN_CAMERA, CliError
from skycam_project.cli.options import Command, DurationParam
from skycam_project.cli.output import format_time, humanize, print_line, print_result
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from cameras.status.messages import Status
    from skycam_project.cli.identity import Caller

CONNECTED = {"ready", "busy"}
DEFAULT_LEASE_S = 600


@click.command(cls=Command)
@camera()
def connect(camera: str | None) -> None:
    """Connect a camera, by default the primary one. This persists across restarts."""
    body = set_connected(camera, connected=True)
    # The request is stored either way; the exit status says whether the camera was reached.
    if body["observed"] not in CONNECTED:
        raise CliError(
            "camera-not-reachable", f"{body['camera']} is {humanize(body['observed'])}. {body['reason']}".strip()
        )
    print_result(dict(body), print_state)


@click.command(cls=Command)
@camera()
def disconnect(camera: str | None) -> None:
    """Disconnect a camera, by default the primary one. This persists across restarts."""
    print_result(dict(set_connected(camera, connected=False)), print_state)


def set_connected(slug: str | None, *, connected: bool) -> Status:
    """The camera's status after its host has connected or disconnected it."""
    caller = current().authorize("operator")
    from cameras.connection import connect

    return connect(find_camera(caller, slug), connected, caller.actor)


def find_camera(caller: Caller, slug: str | None) -> Camera:
    """The camera with that id, or the primary one for None; CliError when the caller can see none."""
    from cameras.models import Camera
    from cameras.selectors import camera_for, primary_camera_for

    if slug is None:
        return primary_camera_for(caller.user)
    try:
        return camera_for(caller.user, slug)
    except Camera.DoesNotExist:
        raise camera_not_found(caller, slug) from None


def camera_not_found(caller: Caller, slug: str) -> CliError:
    from cameras.selectors import cameras_for

    meant = did_you_mean(slug, cameras_for(caller.user).values_list("slug", flat=True))
    detail = f"There is no camera {slug}.{meant} `skycam cameras list` lists all."
    return CliError("not-found", detail, status=UNKNOWN_CAMERA)


def camera_filter(caller: Caller, slug: str | None) -> dict[str, Any]:
    """The filter for rows of that camera, also of a removed one; CliError when the caller can see none."""
    from cameras.selectors import UnknownCamera, camera_condition

    try:
        return camera_condition(caller.user, slug)
    except UnknownCamera:
        raise camera_not_found(caller, slug or "") from None


def print_state(body: dict[str, Any]) -> None:
    print_line(f"{body['camera']} is {humanize(body['observed'])}.")


@click.command(cls=Command)
@camera()
@click.option("--over", is_flag=True, help="Take it over from its holder, who is notified.")
@shared_option(
    "--for",
    "Duration of the lease, such as 1 h; 10 min by default.",
    type=DurationParam(1, 86_400),
    default=DEFAULT_LEASE_S,
)
def take(camera: str | None, over: bool, for_s: float) -> None:
    """Take a camera, by default the primary one. No one else can then control it. Repeat it to renew the lease.

    The lease ends when you release the camera, or when it expires.
    """
    caller = current().authorize("operator")
    from cameras.leases import acquire_lease, lease_body

    taken = acquire_lease(find_camera(caller, camera), caller.actor, over=over, for_s=round(for_s))
    print_result(dict(lease_body(taken)), print_lease)


@click.command(cls=Command)
@camera()
@click.option("--over", is_flag=True, help="Release it although another user holds it, who is notified.")
def release(camera: str | None, over: bool) -> None:
    """Release a camera, by default the primary one."""
    caller = current().authorize("operator")
    from cameras.leases import lease_body, release_lease

    released = release_lease(find_camera(caller, camera), caller.actor, over=over)
    print_result(dict(lease_body(released)), print_lease)


def print_lease(body: dict[str, Any]) -> None:
    until = f"held by {body['held_by']} until {format_time(body['until'])}" if body["held_by"] else "held by no one"
    print_line(f"{body['camera']} is {until}.")
