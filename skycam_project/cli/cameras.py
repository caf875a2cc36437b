"""`skycam cameras`: which cameras the station has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.operating import chosen
from skycam_project.cli.options import Assignment, Group, given, json_or_text
from skycam_project.cli.output import answer, facts, grid, say, show, warn
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from cameras.serializers import Detected, DetectedList
    from skycam_project.cli.identity import Person

ALONE = {"hang": 1, "crash": 1, "torn_frame": 1}
"""Faults that count: how often they strike when nobody says."""
password_option = click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    help="The password of a network camera, for the name in its address; without a value it is asked for.",
)


@click.group(cls=Group)
def cameras() -> None:
    """List, add, find, change and remove cameras."""


@cameras.command("list")
def list_cameras() -> None:
    """List the cameras of the station."""
    person = current().person("viewer")
    from cameras.bodies import camera_body
    from cameras.selectors import cameras_for

    answer({"results": [dict(camera_body(camera)) for camera in cameras_for(person.user)]}, draw_cameras)


@cameras.command("add")
@click.argument("slug")
@click.option("--kind", required=True, help="What drives it: simulated, gphoto2, opencv, network, ...")
@click.option("--address", default="", help="Where it is: as `cameras detect` shows it, or rtsp://NAME@HOST/PATH.")
@password_option
@click.option("--name", default="", help="What people call it.")
@click.option("--host", default="", help="The camera host it hangs on; by default this one.")
@click.option("--primary", is_flag=True, help="Make it the primary camera.")
@click.option("--set", "values", type=Assignment(), multiple=True, help="A setting; may be given several times.")
def add(slug: str, password: str | None, values: tuple[tuple[str, Any], ...], **fields: Any) -> None:
    """Add a camera under the id SLUG."""
    person = current().person("manager")
    fields["address"] = addressed(fields["address"], password)
    from cameras.bodies import camera_body
    from cameras.services import add_camera

    camera = add_camera(slug=slug, values=dict(values), actor=person.actor, **fields)
    answer(dict(camera_body(camera)), lambda body: draw_camera(body, "Added"))


@cameras.command("detect")
@click.option("--add", "wanted", metavar="[SLUG=]ADDRESS", help="Add the camera found at ADDRESS, under SLUG.")
def detect(wanted: str | None) -> None:
    """Look for cameras on every camera host; on this machine alone while the station does not run."""
    person = current().person("manager" if wanted else "operator")
    found = look()
    if wanted is None:
        answer(dict(found), draw_detected)
        return
    from cameras.bodies import camera_body
    from cameras.services import add_camera

    slug, one = chosen_of(found, wanted)
    added = add_camera(
        slug=slug, kind=one["kind"], name=one["model"], address=one["address"], host=one["host"], actor=person.actor
    )
    answer(dict(camera_body(added)), lambda body: draw_camera(body, "Added"))


def look() -> DetectedList:
    from cameras.broker import BrokerDown
    from cameras.detection import detect, detect_here

    try:
        return detect()
    except BrokerDown as error:
        return detect_here(f"{error} Only this machine was looked at.")


def chosen_of(found: DetectedList, wanted: str) -> tuple[str, Detected]:
    """The id and the camera that `[SLUG=]ADDRESS` names; CliError when it is not there, or is added already."""
    slug, equals, address = wanted.partition("=")
    if not equals:
        slug, address = "", wanted
    one = next((one for one in found["results"] if address in (one["address"], one["serial"])), None)
    if one is None:
        raise CliError("not-found", f"No camera was found at {address}. `skycam cameras detect` lists those there are.")
    if one["camera"]:
        raise CliError("invalid", f"{address} is the camera {one['camera']} already.")
    return slug or one["suggested"], one


@cameras.command("faults")
@click.argument("slug")
@click.option("--set", "wanted", metavar="NAME[=VALUE]", multiple=True, help="Switch one on besides those that are on.")
@click.option("--clear", is_flag=True, help="Switch off those that are on, first.")
def faults(slug: str, wanted: tuple[str, ...], clear: bool) -> None:
    """Show or switch the faults of the simulated camera SLUG, to rehearse a bad night."""
    person = current().person("manager")
    from cameras import services
    from cameras.drivers.simulated.faults import Faults

    camera = chosen(person, slug)
    found = {} if clear else services.read_faults(camera)
    if wanted or clear:
        asked = Faults.model_validate(found | dict(map(named_fault, wanted)))
        found = services.set_faults(camera, asked, person.actor)
    answer({"camera": slug, "faults": found}, draw_faults)


def named_fault(text: str) -> tuple[str, Any]:
    """`slow=5`, or the name alone where the fault needs no value, or strikes once."""
    name, equals, value = text.partition("=")
    return name, json_or_text(value) if equals else ALONE.get(name, True)


@cameras.command("set")
@click.argument("slug")
@click.option("--name", help="What people call it.")
@click.option("--address", help="Where it is. *** in it keeps the password, if only the path is another one.")
@password_option
@click.option("--enabled/--disabled", default=None, help="Whether it is used at all.")
@click.option("--primary", is_flag=True, default=None, help="Make it the primary camera.")
@click.option("--set", "values", type=Assignment(), multiple=True, help="A setting; may be given several times.")
def change(slug: str, password: str | None, values: tuple[tuple[str, Any], ...], **fields: Any) -> None:
    """Change the camera SLUG. Settings are stored, and applied at once when the camera is there."""
    changes = given(**fields)
    if not changes and not values and password is None:
        raise CliError("invalid", "Nothing to change was given. `skycam cameras set --help` shows what can be.")
    person = current().person("manager" if changes or password is not None else "operator")
    from cameras.bodies import camera_body

    camera = chosen(person, slug)
    if password is not None:
        changes["address"] = addressed(changes.get("address", camera.address), password)
    warnings = apply(person, camera, changes, dict(values))
    camera.refresh_from_db()
    answer(dict(camera_body(camera)), lambda body: draw_camera(body, "Changed"))
    warn(warnings)


def addressed(address: str, password: str | None) -> str:
    """The address with the password that was given apart from it, so that it stands in no list of processes."""
    from cameras.drivers.credentials import with_password

    try:
        return address if password is None else with_password(address, password)
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def apply(person: Person, camera: Camera, changes: dict[str, Any], values: dict[str, Any]) -> list[str]:
    """All of it or, when a value is bad, nothing; what the camera says of its new settings."""
    from cameras.services import change_camera
    from cameras.validation import checked_settings

    checked_settings(camera.kind, {**camera.settings, **values})
    if changes:
        change_camera(camera, changes, person.actor)
    return configure(person, camera, values) if values else []


def configure(person: Person, camera: Camera, values: dict[str, Any]) -> list[str]:
    from cameras.broker import BrokerDown
    from cameras.control import ControlError
    from cameras.leases import Held
    from cameras.services import set_settings

    try:
        return list(set_settings(camera, values, person.actor).get("warnings", []))
    except Held:
        raise
    except (ControlError, BrokerDown) as error:
        problem = getattr(error, "problem", "broker-down")
        told = "The settings are stored, and the camera gets them when it opens."
        raise CliError(problem, f"{error} {told}") from None


@cameras.command("remove")
@click.argument("slug")
def remove(slug: str) -> None:
    """Remove the camera SLUG. Its captures stay."""
    person = current().person("manager")
    from cameras.bodies import camera_body
    from cameras.services import remove_camera

    camera = chosen(person, slug)
    body = dict(camera_body(camera))
    remove_camera(camera, person.actor)
    answer(body, lambda body: say(f"Removed {body['slug']}."))


def draw_cameras(body: dict[str, Any]) -> None:
    columns = ["id", "name", "kind", "address", "host", "enabled", "connected", "primary"]
    show(grid(columns, [[camera.get(name) for name in ("slug", *columns[1:])] for camera in body["results"]]))


def draw_camera(body: dict[str, Any], verb: str) -> None:
    say(f"{verb} {body['slug']}.")
    facts((name, body.get(name)) for name in ("name", "kind", "address", "host", "primary"))
    facts(sorted(body.get("settings", {}).items()))


def draw_detected(body: dict[str, Any]) -> None:
    warn(f"{' '.join(filter(None, [one['host'], one['kind']]))}: {one['message']}" for one in body["problems"])
    if not body["results"]:
        say(f"No camera was found on {', '.join(body['hosts'])}.")
        return
    columns = ["host", "kind", "address", "model", "serial", "in use by"]
    found = [{**one, "in use by": one["camera"] or one["held_by"]} for one in body["results"]]
    show(grid(columns, [[one.get(name) for name in columns] for one in found]))
    say("Add one:  skycam cameras detect --add NAME=ADDRESS")


def draw_faults(body: dict[str, Any]) -> None:
    if not body["faults"]:
        say(f"{body['camera']} has no fault switched on.")
    facts(sorted(body["faults"].items()))
