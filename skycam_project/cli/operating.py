"""`skycam connect`, `disconnect`, `take` and `release`: what is wished of a camera, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import answer, say, short_time
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from skycam_project.cli.identity import Person

CONNECTED = {"ready", "busy"}
FOR_S = 600


@click.command(cls=Command)
@click.argument("slug", required=False)
def connect(slug: str | None) -> None:
    """Connect a camera, by default the primary one; it stays so across restarts."""
    body = wish(slug, connected=True)
    if body["observed"] not in CONNECTED:
        raise CliError("camera-not-reachable", f"{body['camera']} is {body['observed']}. {body['reason']}".strip())
    answer(body, draw)


@click.command(cls=Command)
@click.argument("slug", required=False)
def disconnect(slug: str | None) -> None:
    """Disconnect a camera, by default the primary one; it stays so across restarts."""
    answer(wish(slug, connected=False), draw)


def wish(slug: str | None, *, connected: bool) -> dict[str, Any]:
    """The camera's status once its host has done it."""
    person = current().person("operator")
    from cameras import services

    return services.connect(chosen(person, slug), connected, person.actor)


def chosen(person: Person, slug: str | None) -> Camera:
    """The camera of that name, else the primary one; CliError when this person knows none such."""
    from cameras.models import Camera
    from cameras.selectors import camera_for, primary_camera_for

    if slug is None:
        return primary_camera_for(person.user)
    try:
        return camera_for(person.user, slug)
    except Camera.DoesNotExist:
        raise CliError(
            "not-found", f"There is no camera {slug}. `skycam cameras list` shows those there are."
        ) from None


def draw(body: dict[str, Any]) -> None:
    say(f"{body['camera']} is {body['observed']}.")


@click.command(cls=Command)
@click.argument("slug", required=False)
@click.option("--over", is_flag=True, help="Also where another holds it, who is told.")
@click.option("--for", "for_s", type=click.IntRange(1, 86_400), default=FOR_S, help="Seconds; 600 by default.")
def take(slug: str | None, over: bool, for_s: int) -> None:
    """Take a camera, by default the primary one: nobody else commands it then. Taking it again renews it."""
    person = current().person("operator")
    from cameras.bodies import lease_body
    from cameras.taking import take

    camera = take(chosen(person, slug), person.actor, over=over, for_s=for_s)
    answer(dict(lease_body(camera)), draw_lease)


@click.command(cls=Command)
@click.argument("slug", required=False)
@click.option("--over", is_flag=True, help="Also where another holds it, who is told.")
def release(slug: str | None, over: bool) -> None:
    """Let a camera go, by default the primary one."""
    person = current().person("operator")
    from cameras.bodies import lease_body
    from cameras.taking import release

    camera = release(chosen(person, slug), person.actor, over=over)
    answer(dict(lease_body(camera)), draw_lease)


def draw_lease(body: dict[str, Any]) -> None:
    until = f"held by {body['held_by']} until {short_time(body['until'])}" if body["held_by"] else "held by nobody"
    say(f"{body['camera']} is {until}.")
