"""`skycam sensors`: the station's sensors and their channels."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import pluralize
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from monitoring.models import Sensor, SensorChannel
    from monitoring.sensor_management.resource import DetectionBody
    from skycam_project.cli.identity import Caller

OPTIONS = {"settings": "--set"}
"""Field -> option, where the names differ."""

sensors = ResourceGroup(
    "sensors", "List, add, detect, test, change and remove sensors.", "monitoring.sensor_management.resource.SENSORS"
)


@sensors.command("detect", cls=Command)
def detect() -> None:
    """Search for sensors at all hosts. While the station is not running, only this machine is searched."""
    caller = current().authorize("manager")
    print_result(detected(caller.actor).model_dump(), print_detected)


def detected(actor: str) -> DetectionBody:
    from core.broker.broker import BrokerDown
    from monitoring.sensor_management.detection import detect_local_sensors, detect_sensors

    try:
        return detect_sensors(actor)
    except BrokerDown as error:
        return detect_local_sensors(f"{error} Only this machine was searched.")


@sensors.command("test", cls=Command)
@click.argument("name", required=False)
@shared_option("--kind", "Try a kind without a sensor.")
@shared_option("--set", "A setting of the kind, such as port=/dev/ttyUSB0; may be repeated.", into="settings")
@shared_option("--secret-file", "Secret settings as a JSON object; - reads it from stdin.")
@shared_option("--host", "Host that reads it.")
def test(
    name: str | None, kind: str | None, settings: tuple[str, ...], secret_file: dict[str, Any] | None, host: str | None
) -> int:  # fmt: skip
    """Open the sensor NAME once and show what it gives.

    With --set it tries other settings, which are not stored.

    Example: skycam sensors test --kind simulated --set humidity=40
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.detection import try_sensor, try_settings
    from monitoring.sensor_management.resource import SensorTestRequest, StoredTestRequest
    from skycam_project.cli.resources import assigned_texts

    if (name is None) == (kind is None) or (name is not None and host is not None):
        raise CliError("invalid", "Give the NAME of a sensor, or --kind and perhaps --host.")
    values = {**assigned_texts(settings), **(secret_file or {})}
    if name is not None:
        wanted = build_request(StoredTestRequest, OPTIONS, settings=values)
        outcome = try_sensor(find_sensor(caller, name), wanted, caller.actor)
    else:
        outcome = try_settings(
            build_request(SensorTestRequest, OPTIONS, kind=kind, host=host, settings=values), caller.actor
        )
    print_result(outcome.model_dump(), print_outcome)
    return 0 if outcome.ok else FAILED


@sensors.command("channels", cls=Command)
@click.argument("name")
def list_channels(name: str) -> None:
    """List the channels of the sensor NAME."""
    caller = current().authorize("viewer")
    print_result({"results": sensor_body(caller, find_sensor(caller, name))["channels"]}, print_channels)


@sensors.command("channel", cls=Command)
@click.argument("name")
@click.argument("key", metavar="CHANNEL")
@shared_option("--label", "Display name; empty: that of the device.")
@click.option("--main/--no-main", default=None, help="Make it the temperature of the site, or not.")
@click.option("--hidden/--shown", default=None, help="Leave it out of the dashboard, or not.")
@click.option("--lowest", metavar="NUMBER", help="Lower values are implausible; none removes the limit.")
@click.option("--highest", metavar="NUMBER", help="Higher values are implausible; none removes the limit.")
@click.option("--offset", type=float, help="Added to each value.")
def change_one_channel(name: str, key: str, lowest: str | None, highest: str | None, **values: Any) -> None:
    """Change a channel of the sensor NAME. CHANNEL is its id or its key.

    Example: skycam sensors channel balcony temperature --main --offset -0.3
    """
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.sensor_management.resource import ChannelBody, ChannelChange
    from monitoring.sensor_management.selectors import channel_with_status
    from monitoring.sensor_management.services import change_channel

    found = find_channel(find_sensor(caller, name), key)
    limits = {"lowest": parse_limit(lowest), "highest": parse_limit(highest)}
    removed = {field: None for field, text in limits.items() if text == NO_LIMIT}
    wanted = build_request(
        ChannelChange, OPTIONS, **values, **{field: value for field, value in limits.items() if value != NO_LIMIT}
    )
    change_channel(found, wanted.model_copy(update=removed), caller.actor)
    body = body_of(ChannelBody, channel_with_status(found))
    print_result(body, lambda body: print_line(f"Changed the channel {body['label']}."))


NO_LIMIT = "none"


def parse_limit(text: str | None) -> float | str | None:
    """CliError."""
    if text is None or text == NO_LIMIT:
        return text
    try:
        return float(text)
    except ValueError:
        raise CliError("invalid", f"{text!r} is not a limit. Write a number, or none.") from None


@sensors.command("remove", cls=Command)
@click.argument("name")
@shared_option("--dry-run", "Only show what would be deleted.")
@shared_option("--yes", "Remove it without asking.")
def remove(name: str, dry_run: bool, confirmed: bool) -> None:
    """Remove the sensor NAME with all its readings.

    It shows how many there are, and asks.
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.services import count_removal, remove_sensor

    found = find_sensor(caller, name)
    counts = count_removal(found)
    body = {**sensor_body(caller, found), "deleted": counts._asdict(), "removed": not dry_run}
    aggregates = pluralize(counts.aggregates, "aggregate")
    said = f"{pluralize(counts.channels, 'channel')}, {counts.readings_text} and {aggregates}"
    if not dry_run and not confirmed:
        require_terminal()
        click.confirm(f"Remove the sensor {name} with {said}?", abort=True, err=True)
    if not dry_run:
        remove_sensor(found, caller.actor)
    begins = "Would remove" if dry_run else "Removed"
    print_result(body, lambda body: print_line(f"{begins} the sensor {body['name']} with {said}."))


def require_terminal() -> None:
    """CliError where no one can be asked."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError("invalid", "Nothing was removed: no one can be asked here. Add --yes.")


def find_sensor(caller: Caller, name: str) -> Sensor:
    """CliError."""
    from monitoring.sensor_management.resource import SENSORS
    from skycam_project.cli.resources import find_row

    found: Sensor = find_row(SENSORS, caller, name)
    return found


def find_channel(sensor: Sensor, key: str) -> SensorChannel:
    """By its key, or by its id where two quantities share a key."""
    channels = list(sensor.channels.all())
    found = [one for one in channels if one.key == key] or [one for one in channels if str(one.pk) == key]
    if len(found) == 1:
        return found[0]
    why = f"{sensor.name} has no channel {key}" if not found else f"{sensor.name} has several channels {key}"
    raise CliError("not-found", f"{why}. `skycam sensors channels {sensor.name}` lists all with their ids.")


def sensor_body(caller: Caller, sensor: Sensor) -> dict[str, Any]:
    from monitoring.sensor_management.resource import SENSORS

    return SENSORS.body(sensor, caller.user)


def print_channels(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No channels yet: the first reading brings them.")
        return
    columns = ["id", "key", "label", "quantity", "value", "main", "hidden", "lowest", "highest", "offset"]
    from monitoring.sensor_management.resource import ChannelBody

    texts = [{**one, "value": ChannelBody.model_construct(**one).value_text} for one in body["results"]]
    rows = [[one[name] for name in columns] for one in texts]
    print_table(make_table(columns, rows))


def print_detected(body: dict[str, Any]) -> None:
    for problem in body["problems"]:
        where = f"{problem['host']}, {problem['kind']}: " if problem["kind"] else ""
        print_line(f"! {where}{problem['message']}", err=True)
    if not body["results"]:
        print_line("No sensor was found.")
        return
    rows = [
        [one["host"], one["kind"], one["label"], settings_text(one["settings"]), one["note"], added_text(one)]
        for one in body["results"]
    ]
    print_table(make_table(["host", "kind", "device", "settings", "note", "sensor"], rows))


def added_text(found: dict[str, Any]) -> str:
    return found["sensor"] or f"new: skycam sensors add {found['suggested']} {found['kind']} ..."


def settings_text(settings: dict[str, Any]) -> str:
    return " ".join(f"--set {name}={value}" for name, value in settings.items())


def print_outcome(body: dict[str, Any]) -> None:
    from core.readings.reading import QUANTITIES

    if not body["ok"]:
        print_line(body["message"])
        return
    print_line(f"It answered in {body['took_s']:.1f} s:")
    rows = [
        [one["channel"], one["label"], one["quantity"], one["value"], QUANTITIES[one["quantity"]].unit,
         "" if one["is_valid"] else "the device calls it an error"]
        for one in body["samples"]
        if one["quantity"] in QUANTITIES
    ]  # fmt: skip
    print_table(make_table(["channel", "label", "quantity", "value", "unit", "note"], rows))
