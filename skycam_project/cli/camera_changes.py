"""The commands that add and change a camera, with an option for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from pydantic import BaseModel

from cameras.resource import CAMERAS, OF_FILES, CameraChange, CameraFields, CameraNew
from core.resources.table import cells_of
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.camera_parameter import camera as camera_word
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, given
from skycam_project.cli.output import format_time, print_fields, print_line, print_result, print_warnings
from skycam_project.cli.resources import field_option, is_list
from skycam_project.cli.setting_values import set_or_store, setting_values, settings_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from skycam_project.cli.identity import Caller

BY_HAND = ("slug", "settings", "audience")
password_option = click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    help="Password of a network camera, for the user in its address; prompts if no value is given.",
)


def field_options(model: type[BaseModel]) -> list[click.Parameter]:
    return [field_option(name, about) for name, about in model.model_fields.items() if name not in BY_HAND]


def given_fields(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Those that were given. A list may be one text with commas, or several."""
    return dict(_given_fields(model, values))


def _given_fields(model: type[BaseModel], values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given(**values).items():
        if not is_list(model.model_fields[name]):
            yield name, value
        elif value:
            yield name, [part.strip() for text in value for part in text.split(",")]


@click.command("add", cls=Command)
@camera_word("Id of the camera: letters, digits and hyphens.", required=True)
@password_option
@settings_option
def add(camera: str, password: str | None, values: tuple[tuple[str, Any], ...], **fields: Any) -> None:
    """Add a camera with the id CAMERA.

    The first camera of a station becomes the primary one. A value of --set is read as JSON if possible, else as
    text; the driver checks it.
    """
    caller = current().authorize("manager")
    found = given_fields(CameraNew, fields)
    found["address"] = add_password(found.get("address", ""), password)
    from cameras.editing.services import add_camera

    wanted = CameraNew.model_validate({"slug": camera, "settings": setting_values(values), **found}, strict=False)
    print_result(CAMERAS.body(add_camera(wanted, caller.actor), caller.user), lambda body: print_camera(body, "Added"))


@click.command("set", cls=Command)
@camera_word("The camera.", required=True)
@password_option
@click.option("--allow", metavar="USER", multiple=True, help="Let USER see it while it is restricted.")
@click.option("--disallow", metavar="USER", multiple=True, help="Stop USER from seeing it while it is restricted.")
@settings_option
def change(
    camera: str, password: str | None, values: tuple[tuple[str, Any], ...], allow: tuple[str, ...],
    disallow: tuple[str, ...], **fields: Any,
) -> None:  # fmt: skip
    """Change a camera. Settings are stored, and applied at once if the camera is connected.

    If one value is invalid, nothing is changed.
    """
    changes = given_fields(CameraChange, fields)
    manages = changes or password is not None or allow or disallow
    if not manages and not values:
        raise CliError("invalid", "No change was given. `skycam cameras set --help` lists the options.")
    caller = current().authorize("manager" if manages else "operator")
    found = find_camera(caller, camera)
    if password is not None:
        changes["address"] = add_password(changes.get("address", found.address), password)
    if allow or disallow:
        changes["audience"] = change_audience(found, allow, disallow)
    before = found.host
    warnings = apply_changes(caller, found, CameraChange.model_validate(changes, strict=False), setting_values(values))
    # The services change an instance of their own, which they lock.
    found.refresh_from_db()
    print_result(CAMERAS.body(found, caller.user), lambda body: print_camera(body, "Changed"))
    print_warnings([*move_notes(found, before, "host_is_gone" in changes), *warnings])


for command, model in ((add, CameraNew), (change, CameraChange)):
    # After the two parameters that name the camera.
    command.params[2:2] = field_options(model)


def move_notes(camera: Camera, before: str, host_is_gone: bool) -> list[str]:
    """What happens to data of the camera that is still on its previous host."""
    if camera.host == before:
        return []
    returns = "when it returns" if host_is_gone else "after its process there has ended"
    return [f"{camera.slug} is now on {camera.host}. Data that {before} still holds is ingested there {returns}."]


def change_audience(camera: Camera, allow: tuple[str, ...], disallow: tuple[str, ...]) -> list[str]:
    """The audience with users added and removed; CliError for a name in both."""
    from cameras.audience.service import audience_of

    if both := sorted(set(allow) & set(disallow)):
        raise CliError("invalid", f"{', '.join(both)}: either --allow or --disallow, not both.")
    return sorted({*audience_of(camera), *allow} - {*disallow})


def add_password(address: str, password: str | None) -> str:
    """The address with a password that was given separately, so that it does not appear in the process list."""
    from cameras.drivers.credentials import with_password

    try:
        return address if password is None else with_password(address, password)
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def apply_changes(caller: Caller, camera: Camera, wanted: CameraChange, values: dict[str, Any]) -> list[str]:
    """Apply all changes or, if a value is invalid, none; returns the camera's warnings about its new settings."""
    from cameras.editing.services import change_camera
    from cameras.validation import checked_settings

    # First: an invalid setting must not leave the other changes applied.
    checked_settings(camera.kind, {**camera.settings, **values}, camera.capabilities.get("settings"))
    if wanted.given():
        change_camera(camera, wanted, caller.actor)
    return list(set_or_store(camera, values, caller.actor).get("warnings", [])) if values else []


def print_camera(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['slug']}.")
    print_named(body)
    print_fields(sorted(body["settings"].items()))


def print_named(body: dict[str, Any]) -> None:
    """The kind and what a manager sets, but not the settings."""
    hidden = {"settings", "restricted", "audience", *(() if body["keep"] else OF_FILES)}
    names = ["kind", *(name for name in CameraFields.model_fields if name not in hidden)]
    print_fields(cells_of(CAMERAS, names, body, format_time).items())
    if body["restricted"]:
        print_fields([("seen by", ", ".join(["managers", *(body["audience"] or [])]))])
