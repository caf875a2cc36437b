"""`skycam cameras`: the station's cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, json_or_text
from skycam_project.cli.output import (
    humanize,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    print_warnings,
)
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import camera as camera_word
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.discovery.service import Discovered, DiscoveredList

DEFAULT_VALUES = {"hang": 1, "crash": 1, "torn_frame": 1}
"""Faults with a count -> the count that is used when none is given."""


class CameraGroup(ResourceGroup):
    def derive(self) -> dict[str, click.Command]:
        # Its options are the fields of cameras, which need pydantic.
        from skycam_project.cli.camera_changes import add, change

        return {**super().derive(), "add": add, "set": change}


cameras = CameraGroup("cameras", "List, add, detect, change and remove cameras.", "cameras.resource.CAMERAS")


@cameras.command("show", cls=Command)
@camera_word()
def show_camera(camera: str | None) -> None:
    """Show a camera's state, identity and settings. Without CAMERA it shows the primary camera.

    Example: skycam cameras show dslr
    """
    caller = current().authorize("viewer")
    from cameras.resource import CAMERAS

    found = find_camera(caller, camera)
    able = found.capabilities.get("settings", {})
    body = {**CAMERAS.body(found, caller.user), "capabilities": found.capabilities}
    print_result(body, lambda body: print_shown(body, able))


@cameras.command("detect", cls=Command)
@click.option("--add", "wanted", metavar="[SLUG=]ADDRESS", help="Add the camera found at ADDRESS, with the id SLUG.")
@shared_option("--name", "Display name of the added camera; its model by default.", default="")
def detect(wanted: str | None, name: str) -> None:
    """Detect cameras on every camera host. While the station is not running, only this machine is searched."""
    caller = current().authorize("manager" if wanted else "operator")
    found = discover()
    if wanted is None:
        print_result(dict(found), print_detected)
        return
    from cameras.editing.services import add_camera
    from cameras.resource import CAMERAS, CameraNew
    from skycam_project.cli.camera_changes import print_camera

    slug, one = find_discovered(found, wanted)
    fields = {"slug": slug, "name": name or one["model"], **{key: one[key] for key in ("kind", "address", "host")}}
    added = add_camera(CameraNew.model_validate(fields), caller.actor)
    print_result(CAMERAS.body(added, caller.user), lambda body: print_camera(body, "Added"))


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


@cameras.command("faults", cls=Command)
@camera_word()
@shared_option("--set", "Enable a fault, in addition to those enabled.", into="wanted", metavar="NAME[=VALUE]")
@click.option("--clear", is_flag=True, help="First disable all faults.")
def faults(camera: str | None, wanted: tuple[str, ...], clear: bool) -> None:
    """Show or set the faults of a simulated camera. Use them to test how the station reacts."""
    caller = current().authorize("manager")
    from cameras.drivers.simulated.faults import Faults
    from cameras.faults import read_faults, set_faults

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


@cameras.command("remove", cls=Command)
@camera_word("The camera.", required=True)
def remove(camera: str) -> None:
    """Remove a camera. Its captures are kept."""
    caller = current().authorize("manager")
    from cameras.editing.services import remove_camera
    from cameras.resource import CAMERAS

    found = find_camera(caller, camera)
    body = CAMERAS.body(found, caller.user)
    remove_camera(found, caller.actor)
    print_result(body, lambda body: print_line(f"Removed {body['slug']}."))


def print_shown(body: dict[str, Any], able: dict[str, Any]) -> None:
    from cameras.validation import has_range, shown_value
    from skycam_project.cli.camera_changes import print_named

    why = f": {body['reason']}" if body["reason"] else ""
    print_line(f"{body['slug']} is {humanize(body['observed'])}{why}")
    print_named(body)
    print_fields([("connected", body["connected"])])
    print_fields((name, body["identity"].get(name)) for name in ("vendor", "model", "serial", "firmware", "library"))
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
