"""`skycam cameras`: the station's cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.camera_parameter import camera as camera_word
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Group, given, json_or_text
from skycam_project.cli.output import (
    humanize,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    print_warnings,
)
from skycam_project.cli.setting_values import set_or_store, setting_values, settings_option
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.discovery.bodies import Discovered, DiscoveredList
    from cameras.models import Camera
    from skycam_project.cli.identity import Caller

DEFAULT_VALUES = {"hang": 1, "crash": 1, "torn_frame": 1}
"""Faults with a count -> the count that is used when none is given."""


def parse_formats(_context: click.Context, _parameter: click.Parameter, text: str | None) -> list[str] | None:
    """`jpeg,fits`: the formats in their order. The service checks them."""
    return None if text is None else [name.strip().lower() for name in text.split(",")]


keep_option = click.option(
    "--keep", metavar="FORMAT,...", callback=parse_formats,
    help="Formats of the files of a still, primary first: jpeg, png, tiff, fits.",
)  # fmt: skip
compression_option = click.option(
    "--fits-compression", type=click.Choice(["none", "rice"]), help="Compression inside of FITS files."
)
password_option = click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    help="Password of a network camera, for the user in its address; prompts if no value is given.",
)


@click.group(cls=Group)
def cameras() -> None:
    """List, add, detect, change and remove cameras."""


@cameras.command("list")
def list_cameras() -> None:
    """List the cameras of the station."""
    caller = current().authorize("viewer")
    from cameras.bodies import camera_bodies

    print_result({"results": [dict(body) for body in camera_bodies(caller.user)]}, print_cameras)


@cameras.command("show")
@camera_word()
def show_camera(camera: str | None) -> None:
    """Show a camera's state, identity and settings. Without CAMERA it shows the primary camera.

    Example: skycam cameras show dslr
    """
    caller = current().authorize("viewer")
    from cameras.bodies import camera_body

    found = find_camera(caller, camera)
    able = found.capabilities.get("settings", {})
    print_result(
        {**camera_body(found, caller.user), "capabilities": found.capabilities}, lambda body: print_shown(body, able)
    )


@cameras.command("add")
@camera_word("Id of the camera: letters, digits and hyphens.", required=True)
@shared_option("--kind", "Driver: simulated, gphoto2, opencv, network, ...", required=True)
@click.option(
    "--address",
    default="",
    help="Address, as `cameras detect` shows it, or rtsp://NAME@HOST/PATH. Some drivers detect it.",
)
@password_option
@shared_option("--name", "Display name.", default="")
@shared_option("--host", "Camera host that the camera is connected to; this one by default.", default="")
@click.option("--primary", is_flag=True, help="Make it the primary camera.")
@click.option("--restrict", is_flag=True, help="Only managers can see it, until you allow other users.")
@keep_option
@compression_option
@settings_option
def add(camera: str, password: str | None, restrict: bool, values: tuple[tuple[str, Any], ...], **fields: Any) -> None:
    """Add a camera with the id CAMERA."""
    caller = current().authorize("manager")
    fields["address"] = add_password(fields["address"], password)
    from cameras.bodies import camera_body
    from cameras.editing.services import add_camera

    seen_by = {"restricted": restrict}
    added = add_camera(
        slug=camera, values=setting_values(values), seen_by=seen_by, actor=caller.actor, **given(**fields)
    )
    print_result(dict(camera_body(added, caller.user)), lambda body: print_camera(body, "Added"))


@cameras.command("detect")
@click.option("--add", "wanted", metavar="[SLUG=]ADDRESS", help="Add the camera found at ADDRESS, with the id SLUG.")
@shared_option("--name", "Display name of the added camera; its model by default.", default="")
def detect(wanted: str | None, name: str) -> None:
    """Detect cameras on every camera host. While the station is not running, only this machine is searched."""
    caller = current().authorize("manager" if wanted else "operator")
    found = discover()
    if wanted is None:
        print_result(dict(found), print_detected)
        return
    from cameras.bodies import camera_body
    from cameras.editing.services import add_camera

    slug, one = find_discovered(found, wanted)
    added = add_camera(
        slug=slug, kind=one["kind"], name=name or one["model"], address=one["address"], host=one["host"],
        actor=caller.actor,
    )  # fmt: skip
    print_result(dict(camera_body(added, caller.user)), lambda body: print_camera(body, "Added"))


def discover() -> DiscoveredList:
    from cameras.discovery.service import discover_cameras, discover_local_cameras
    from core.broker.broker import BrokerDown

    try:
        return discover_cameras()
    except BrokerDown as error:
        return discover_local_cameras(f"{error} Only this machine was searched.")


def find_discovered(found: DiscoveredList, wanted: str) -> tuple[str, Discovered]:
    """The id and the camera that `[SLUG=]ADDRESS` names; CliError when it is missing or already added."""
    slug, equals, address = wanted.partition("=")
    if not equals:
        slug, address = "", wanted
    one = next((one for one in found["results"] if address in (one["address"], one["serial"])), None)
    if one is None:
        raise CliError(
            "not-found", f"No camera was found at {address}. `skycam cameras detect` lists all cameras found."
        )
    if one["camera"]:
        raise CliError("invalid", f"{address} is already added as the camera {one['camera']}.")
    return slug or one["suggested"], one


@cameras.command("faults")
@camera_word()
@shared_option("--set", "Enable a fault, in addition to those enabled.", into="wanted", metavar="NAME[=VALUE]")
@click.option("--clear", is_flag=True, help="First disable all faults.")
def faults(camera: str | None, wanted: tuple[str, ...], clear: bool) -> None:
    """Show or set the faults of a simulated camera. Use them to test how the station reacts."""
    caller = current().authorize("manager")
    from cameras.drivers.simulated.faults import Faults
    from cameras.faults.service import read_faults, set_faults

    simulated = find_camera(caller, camera)
    found = {} if clear else read_faults(simulated)
    if wanted or clear:
        requested = Faults.model_validate(found | dict(map(parse_fault, wanted)))
        found = set_faults(simulated, requested, caller.actor)
    print_result({"camera": simulated.slug, "faults": found}, print_faults)


def parse_fault(text: str) -> tuple[str, Any]:
    """Parse `slow=5`, or a name alone for a fault without a value or with a default count."""
    name, equals, value = text.partition("=")
    return name, json_or_text(value) if equals else DEFAULT_VALUES.get(name, True)


@cameras.command("set")
@camera_word("The camera.", required=True)
@shared_option("--name", "Display name.")
@click.option("--address", help="Address. *** in it keeps the stored password, if only the path changes.")
@password_option
@shared_option("--host", "Move it to this camera host.")
@click.option(
    "--host-is-gone",
    is_flag=True,
    help="Move it although its current host is off; a session running there ends.",
)
@shared_option("--enabled/--disabled", "Whether the camera is used.")
@click.option("--primary", is_flag=True, default=None, help="Make it the primary camera.")
@click.option(
    "--restrict/--publish", "restricted", default=None, help="Visible to managers and allowed users only, or to all."
)
@click.option("--allow", metavar="USER", multiple=True, help="Let USER see it while it is restricted.")
@click.option("--disallow", metavar="USER", multiple=True, help="Stop USER from seeing it while it is restricted.")
@keep_option
@compression_option
@settings_option
def change(
    camera: str, password: str | None, values: tuple[tuple[str, Any], ...], allow: tuple[str, ...],
    disallow: tuple[str, ...], host_is_gone: bool, **fields: Any,
) -> None:  # fmt: skip
    """Change a camera. Settings are stored, and applied at once if the camera is connected."""
    changes = given(**fields)
    if not changes and not values and password is None and not allow and not disallow:
        raise CliError("invalid", "No change was given. `skycam cameras set --help` lists the options.")
    manages = changes or password is not None or allow or disallow
    caller = current().authorize("manager" if manages else "operator")
    from cameras.bodies import camera_body

    found = find_camera(caller, camera)
    if password is not None:
        changes["address"] = add_password(changes.get("address", found.address), password)
    if allow or disallow:
        changes["audience"] = change_audience(found, allow, disallow)
    before = found.host
    warnings = apply_changes(caller, found, changes, setting_values(values), host_is_gone=host_is_gone)
    # The services change an instance of their own, which they lock.
    found.refresh_from_db()
    print_result(dict(camera_body(found, caller.user)), lambda body: print_camera(body, "Changed"))
    print_warnings([*move_notes(found, before, host_is_gone), *warnings])


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


def apply_changes(
    caller: Caller, camera: Camera, changes: dict[str, Any], values: dict[str, Any], *, host_is_gone: bool = False
) -> list[str]:
    """Apply all changes or, if a value is invalid, none; returns the camera's warnings about its new settings."""
    from cameras.editing.services import change_camera
    from cameras.validation import checked_settings

    # First: an invalid setting must not leave the other changes applied.
    checked_settings(camera.kind, {**camera.settings, **values}, camera.capabilities.get("settings"))
    if changes:
        change_camera(camera, changes, caller.actor, host_is_gone=host_is_gone)
    return list(set_or_store(camera, values, caller.actor).get("warnings", [])) if values else []


@cameras.command("remove")
@camera_word("The camera.", required=True)
def remove(camera: str) -> None:
    """Remove a camera. Its captures are kept."""
    caller = current().authorize("manager")
    from cameras.bodies import camera_body
    from cameras.editing.services import remove_camera

    found = find_camera(caller, camera)
    body = dict(camera_body(found, caller.user))
    remove_camera(found, caller.actor)
    print_result(body, lambda body: print_line(f"Removed {body['slug']}."))


def print_cameras(body: dict[str, Any]) -> None:
    columns = ["id", "name", "kind", "host", "is", "primary"]
    print_table(make_table(columns, [camera_cells(camera) for camera in body["results"]]))


def camera_cells(camera: dict[str, Any]) -> list[object]:
    names = [camera[name] for name in ("slug", "name", "kind", "host")]
    return [*names, humanize(camera["observed"]), "yes" if camera["primary"] else ""]


def print_camera(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['slug']}.")
    print_fields((name, body.get(name)) for name in ("name", "kind", "address", "host", "primary"))
    print_seen_by(body)
    print_kept(body)
    print_fields(sorted(body.get("settings", {}).items()))


def print_seen_by(body: dict[str, Any]) -> None:
    if body.get("restricted"):
        print_fields([("seen by", ", ".join(["managers", *(body["audience"] or [])]))])


def print_kept(body: dict[str, Any]) -> None:
    if body.get("keep"):
        print_fields([("keep", ", ".join(body["keep"]))])
    if "fits" in body.get("keep", []):
        print_fields([("FITS compression", body["fits_compression"])])


def print_shown(body: dict[str, Any], able: dict[str, Any]) -> None:
    from cameras.validation import has_range, shown_value

    why = f": {body['reason']}" if body["reason"] else ""
    print_line(f"{body['slug']} is {humanize(body['observed'])}{why}")
    names = ("name", "kind", "address", "host", "enabled", "connected", "primary")
    print_fields((name, body[name]) for name in names)
    print_fields((name, body["identity"].get(name)) for name in ("vendor", "model", "serial", "firmware", "library"))
    print_seen_by(body)
    print_kept(body)
    names_of_settings = sorted({*able, *body["settings"]})
    rows = [
        [name, shown_value(name, body["settings"].get(name, "")), has_range(name, able.get(name) or {})]
        for name in names_of_settings
    ]
    if rows:
        print_table(make_table(["setting", "set to", "it can have"], rows))
    if options := body["capabilities"].get("options", {}):
        columns = ["option of a capture", "type", "values", "default"]
        print_table(make_table(columns, [option_row(name, option) for name, option in options.items()]))


def option_row(name: str, option: dict[str, Any]) -> list[Any]:
    default = option["default"]
    words = {True: "yes", False: "no"}
    return [name, option["type"], ", ".join(option["choices"]), words.get(default, default)]


def print_detected(body: dict[str, Any]) -> None:
    print_warnings(
        f"{' '.join(filter(None, [one['host'], one['kind']]))}: {one['message']}" for one in body["problems"]
    )
    if not body["results"]:
        print_line(f"No camera was found on {', '.join(body['hosts'])}.")
        return
    columns = ["host", "kind", "address", "model", "serial", "in use by"]
    found = [{**one, "in use by": one["camera"] or one["held_by"]} for one in body["results"]]
    print_table(make_table(columns, [[one.get(name) for name in columns] for one in found]))
    print_line("Add one:  skycam cameras detect --add NAME=ADDRESS")


def print_faults(body: dict[str, Any]) -> None:
    if not body["faults"]:
        print_line(f"{body['camera']} has no fault enabled.")
    print_fields(sorted(body["faults"].items()))
