"""`skycam connect` and `disconnect`: what is wished of a camera, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import answer, say
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from skycam_project.cli.identity import Person

CONNECTED = {"ready", "busy"}


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

    camera = chosen(person, slug)
    services.set_connected(camera, connected, person.actor)
    return services.reconcile(camera)


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
