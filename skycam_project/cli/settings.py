"""`skycam settings`: a camera's desired and actual settings, presets, and the site of the station. Values are as
people write them, `exposure=1/50s`, or the driver's own, `exposure_us=20000`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from core.times.durations import InvalidExposure, parse_exposure
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import CliError, invalid
from skycam_project.cli.options import AssignmentParam, Group, given
from skycam_project.cli.output import make_table, print_fields, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from cameras.runtime.messages import Reading

settings_option = shared_option(
    "--set", "A setting, such as exposure=1/50s or gain=2; can be repeated.", into="values", type=AssignmentParam()
)


def setting_values(given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The settings in the form of the drivers. CliError for an invalid exposure, or one that is given twice."""
    found: dict[str, Any] = {}
    for name, value in given:
        setting = "exposure_us" if name == "exposure" else name
        if setting in found and name != setting:
            raise CliError("invalid", "exposure and exposure_us are one setting. Give one of them.")
        found[setting] = in_microseconds(name, value) if setting == "exposure_us" else value
    return found


def set_or_store(camera: Camera, values: dict[str, Any], actor: str, *, replace: bool = False) -> Reading:
    """The camera's answer to its new settings. CliError says that they are stored if the camera cannot be reached."""
    from cameras.errors import ControlError
    from cameras.leases import LeaseHeld
    from cameras.settings.service import set_settings
    from core.broker.broker import BrokerDown

    try:
        return set_settings(camera, values, actor, replace=replace)
    # Refused: nothing is stored in this case.
    except LeaseHeld:
        raise
    except (ControlError, BrokerDown) as error:
        problem = getattr(error, "problem", "broker-down")
        stored = "The settings are stored and applied when the camera opens."
        raise CliError(problem, f"{error} {stored}") from None


def in_microseconds(name: str, value: Any) -> Any:
    """Microseconds from a text with its unit. A plain number is accepted only for `exposure_us`."""
    if name == "exposure_us" and not isinstance(value, str):
        return value
    try:
        return parse_exposure(str(value))
    except InvalidExposure as error:
        raise invalid(
            [(name, f"{error} exposure_us={value} is microseconds." if is_number(value) else str(error))]
        ) from None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@click.group(cls=Group)
def settings() -> None:
    """A camera's settings and presets; the site."""


@settings.command("show")
@camera()
@click.option("--refresh", is_flag=True, help="Read the settings from the camera now.")
def show_settings(camera: str | None, refresh: bool) -> None:
    """Show the desired and the actual settings of a camera."""
    caller = current().authorize("viewer")
    from cameras.settings.service import refresh_settings, settings_body

    found = find_camera(caller, camera)
    print_result(dict(settings_body(found, refresh_settings(found) if refresh else None)), print_settings)


@settings.command("set")
@camera()
@click.argument("values", metavar="NAME=VALUE...", nargs=-1, type=AssignmentParam(), required=True)
@click.option(
    "--replace", is_flag=True, help="Replace all desired settings; settings that are not named are left to the camera."
)
def set_settings(camera: str | None, values: tuple[tuple[str, Any], ...], replace: bool) -> None:
    """Change settings of a camera, by default the primary one. The result is shown. Settings persist across restarts.

    Example: skycam settings set dslr iso=800 exposure=1/50s
    """
    caller = current().authorize("operator")
    from cameras.settings.service import settings_body

    found = find_camera(caller, camera)
    reported = set_or_store(found, setting_values(values), caller.actor, replace=replace)
    print_result(dict(settings_body(found, reported)), print_settings)


SITE = {
    option: f"{section}.{option}"
    for section, options in (
        ("station", ("name",)),
        ("site", ("latitude", "longitude", "elevation", "horizon", "time_zone")),
    )
    for option in options
}
"""Option of `settings site` -> the key that it sets."""


@settings.command("site")
@shared_option("--name", "Name of the station.")
@click.option("--latitude", help="Degrees, north positive; with --longitude.")
@click.option("--longitude", help="Degrees, east positive.")
@click.option("--elevation", help="Metres above sea level.")
@click.option("--horizon", help="Altitude of hills in some directions, such as 0:5,90:12,270:3.")
@shared_option("--time-zone", "Name of the time zone, such as Europe/Berlin.")
@click.option("--unset", is_flag=True, help="Remove what was set here: the configuration or the default applies again.")
def site_settings(unset: bool, **values: Any) -> None:
    """Show or set where the station stands, while it runs.

    Runs that have not begun are planned again within a minute.

    Example: skycam settings site --latitude 48.1 --longitude 11.6 --elevation 500 --time-zone Europe/Berlin
    """
    wanted = given(**values)
    if unset and wanted:
        raise CliError("invalid", "Give values, or --unset.")
    caller = current().authorize("manager" if unset or wanted else "viewer")
    from skycam_project.station_settings import PAGE, all_settings, change_settings

    changes: dict[str, Any] = {SITE[name]: value for name, value in wanted.items()}
    if unset:
        on_page = {body["key"] for body in all_settings() if body["origin"] == PAGE}
        changes = dict.fromkeys(on_page.intersection(SITE.values()))
    change_settings(changes, caller.actor)
    found = [dict(body) for body in all_settings() if body["key"] in SITE.values()]
    print_result({"results": found}, print_site)


def print_site(body: dict[str, Any]) -> None:
    rows = [[one["key"], one["value"], one["origin"]] for one in body["results"]]
    print_table(make_table(["key", "value", "from"], rows))


@settings.command("adopt")
@camera()
def adopt(camera: str | None) -> None:
    """Adopt changes made on a camera's body as its desired settings."""
    caller = current().authorize("operator")
    from cameras.settings.service import adopt_settings, settings_body

    found = find_camera(caller, camera)
    print_result(dict(settings_body(found, adopt_settings(found, caller.actor))), print_settings)


@settings.group("presets", cls=Group)
def presets() -> None:
    """Named settings for all cameras of a kind."""


@presets.command("list")
@camera()
def list_presets(camera: str | None) -> None:
    """List the presets for the kind of this camera."""
    caller = current().authorize("viewer")
    from cameras.settings.presets import PresetBody, presets_for
    from core.resources.resource import body_of

    found = presets_for(find_camera(caller, camera))
    print_result({"results": [body_of(PresetBody, preset) for preset in found]}, print_presets)


@presets.command("save")
@camera()
@click.argument("name")
@settings_option
@click.option("--replace", is_flag=True, help="Replace an existing preset of that name.")
def save(camera: str | None, name: str, values: tuple[tuple[str, Any], ...], replace: bool) -> None:
    """Save settings of a camera as the preset NAME. These are its desired settings, or the given ones."""
    caller = current().authorize("operator")
    from cameras.settings.presets import PresetBody, save_preset
    from core.resources.resource import body_of

    preset = save_preset(
        find_camera(caller, camera), name, setting_values(values) or None, caller.actor, replace=replace
    )
    print_result(body_of(PresetBody, preset), lambda body: print_preset(body, "Saved"))


@presets.command("apply")
@camera()
@click.argument("name")
def apply(camera: str | None, name: str) -> None:
    """Set exactly the settings of the preset NAME on a camera."""
    caller = current().authorize("operator")
    from cameras.settings.presets import apply_preset
    from cameras.settings.service import settings_body

    found = find_camera(caller, camera)
    print_result(dict(settings_body(found, apply_preset(found, name, caller.actor))), print_settings)


@presets.command("compare")
@camera()
@click.argument("name")
def compare(camera: str | None, name: str) -> None:
    """Compare the preset NAME with a camera's settings. Its desired and its actual settings are compared."""
    caller = current().authorize("viewer")
    from cameras.settings.presets import Comparison, compare_preset
    from core.resources.resource import body_of

    print_result(body_of(Comparison, compare_preset(find_camera(caller, camera), name)), print_comparison)


@presets.command("delete")
@camera()
@click.argument("name")
def delete(camera: str | None, name: str) -> None:
    """Delete the preset NAME for the kind of this camera. Settings of cameras do not change."""
    caller = current().authorize("operator")
    from cameras.settings.presets import PresetBody, delete_preset, preset_for
    from core.resources.resource import body_of

    found = find_camera(caller, camera)
    body = body_of(PresetBody, preset_for(found, name))
    delete_preset(found, name, caller.actor)
    print_result(body, lambda body: print_line(f"Deleted {body['name']}."))


def print_settings(body: dict[str, Any]) -> None:
    names = sorted(body["desired"].keys() | body["actual"].keys())
    changed = {one["name"] for one in body["differs"]}
    rows = [
        [name, body["desired"].get(name), body["actual"].get(name), changed_mark(name in changed)] for name in names
    ]
    print_table(make_table(["setting", "desired", "actual", "on its body"], rows))
    print_warnings(body["warnings"])


def changed_mark(changed: bool) -> str:
    return "changed" if changed else ""


def print_presets(body: dict[str, Any]) -> None:
    rows = [[one["name"], one["kind"], format_settings(one["settings"]), one["saved_by"]] for one in body["results"]]
    print_table(make_table(["name", "kind", "settings", "saved by"], rows))


def format_settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(settings.items()))


def print_preset(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['name']}.")
    print_fields(sorted(body["settings"].items()))


def print_comparison(body: dict[str, Any]) -> None:
    columns = ["setting", "preset", "desired", "actual", ""]
    rows = [
        [one["name"], one["preset"], one["desired"], one["actual"], "differs" if one["differs"] else "same"]
        for one in body["results"]
    ]
    print_table(make_table(columns, rows))
