"""`skycam sensors`: the station's sensors and their channels."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from core.text.plurals import pluralize
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from monitoring.models import Sensor, SensorChannel
    from monitoring.sensor_management.bodies import DetectionBody
    from skycam_project.cli.identity import Caller

OPTIONS = {"interval_s": "--interval", "settings": "--set", "name": "NAME", "kind": "KIND"}
"""Field -> option, where the names differ."""
settings_option = shared_option(
    "--set", "A setting of the kind, such as port=/dev/ttyUSB0; may be repeated.", into="settings"
)
secret_option = shared_option("--secret-file", "Secret settings as a JSON object; - reads it from stdin.")
host_option = shared_option("--host", "Host that reads it.")
interval_option = click.option(
    "--interval", "interval_s", type=float, metavar="SECONDS", help="Seconds between two readings."
)


@click.group(cls=Group)
def sensors() -> None:
    """List, add, detect, test, change and remove sensors."""


@sensors.command("list")
def list_sensors() -> None:
    """List the sensors with the newest values of their channels."""
    caller = current().authorize("viewer")
    from monitoring.sensor_management.bodies import sensor_body
    from monitoring.sensor_management.selectors import sensors_for, statuses_of

    found = statuses_of(sensors_for(caller.user))
    print_result({"results": [dict(sensor_body(status)) for status in found]}, print_sensors)


@sensors.command("add")
@click.argument("name")
@click.argument("kind")
@settings_option
@secret_option
@shared_option("--label", "Display name.")
@host_option
@interval_option
@shared_option("--disabled", "Add it switched off.")
def add(
    name: str, kind: str, settings: tuple[str, ...], secret_file: Any, disabled: bool, **values: Any
) -> None:  # fmt: skip
    """Add a sensor. Test its settings before: skycam sensors test --kind KIND

    Secrets are read from a file or stdin, because every user of the machine can read command lines.
    The configuration file alone adds one of the kind command, which runs a program.

    Example: skycam sensors add balcony digitemp --set port=/dev/ttyUSB0
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.requests import SensorRequest
    from monitoring.sensor_management.services import add_sensor

    wanted = build_request(
        SensorRequest, OPTIONS, name=name, kind=kind, settings=parse_settings(settings, secret_file),
        enabled=not disabled, **values,
    )  # fmt: skip
    sensor = add_sensor(wanted, caller.actor)
    print_result(body_of(sensor), lambda body: print_line(f"Added the sensor {body['name']} on {body['host']}."))


@sensors.command("detect")
def detect() -> None:
    """Search for sensors at all hosts. While the station is not running, only this machine is searched."""
    caller = current().authorize("manager")
    print_result(dict(detected(caller.actor)), print_detected)


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
@settings_option
@secret_option
@host_option
def test(name: str | None, kind: str | None, settings: tuple[str, ...], secret_file: Any, host: str | None) -> int:
    """Open the sensor NAME once and show what it gives.

    With --set it tries other settings, which are not stored.

    Example: skycam sensors test --kind simulated --set humidity=40
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.detection import try_sensor, try_settings
    from monitoring.sensor_management.requests import SensorTestRequest

    if (name is None) == (kind is None) or (name is not None and host is not None):
        raise CliError("invalid", "Give the NAME of a sensor, or --kind and perhaps --host.")
    values = parse_settings(settings, secret_file)
    if name is not None:
        outcome = try_sensor(find_sensor(caller, name), values, caller.actor)
    else:
        wanted = build_request(SensorTestRequest, OPTIONS, kind=kind, host=host, settings=values)
        outcome = try_settings(wanted.kind, wanted.host, wanted.settings, caller.actor)
    print_result(dict(outcome), print_outcome)
    return 0 if outcome["ok"] else FAILED


@sensors.command("change")
@click.argument("name")
@settings_option
@secret_option
@shared_option("--label", "Display name; empty: its name.")
@host_option
@interval_option
@shared_option("--enabled/--disabled", "Switch it on or off.")
def change(name: str, settings: tuple[str, ...], secret_file: Any, **values: Any) -> None:
    """Change the sensor NAME. What is not given stays.

    Example: skycam sensors change balcony --interval 10
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.requests import SensorChange
    from monitoring.sensor_management.services import change_sensor

    found = find_sensor(caller, name)
    wanted = build_request(SensorChange, OPTIONS, settings=parse_settings(settings, secret_file) or None, **values)
    changed = change_sensor(found, wanted, caller.actor)
    print_result(body_of(changed), lambda body: print_line(f"Changed the sensor {body['name']}."))


@sensors.command("channels")
@click.argument("name")
def list_channels(name: str) -> None:
    """List the channels of the sensor NAME."""
    caller = current().authorize("viewer")
    print_result({"results": body_of(find_sensor(caller, name))["channels"]}, print_channels)


@sensors.command("channel")
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
    from monitoring.sensor_management.bodies import channel_body
    from monitoring.sensor_management.requests import ChannelChange
    from monitoring.sensor_management.selectors import status_of
    from monitoring.sensor_management.services import change_channel

    found = find_channel(find_sensor(caller, name), key)
    limits = {"lowest": parse_limit(lowest), "highest": parse_limit(highest)}
    removed = {field: None for field, text in limits.items() if text == NO_LIMIT}
    wanted = build_request(
        ChannelChange, OPTIONS, **values, **{field: value for field, value in limits.items() if value != NO_LIMIT}
    )
    change_channel(found, wanted.model_copy(update=removed), caller.actor)
    status = next(one for one in status_of(found.sensor).channels if one.channel.pk == found.pk)
    print_result(dict(channel_body(status)), lambda body: print_line(f"Changed the channel {body['label']}."))


NO_LIMIT = "none"


def parse_limit(text: str | None) -> float | str | None:
    """CliError."""
    if text is None or text == NO_LIMIT:
        return text
    try:
        return float(text)
    except ValueError:
        raise CliError("invalid", f"{text!r} is not a limit. Write a number, or none.") from None


@sensors.command("remove")
@click.argument("name")
@shared_option("--dry-run", "Only show what would be deleted.")
@shared_option("--yes", "Remove it without asking.")
def remove(name: str, dry_run: bool, confirmed: bool) -> None:
    """Remove the sensor NAME with all its readings.

    It shows how many there are, and asks.
    """
    caller = current().authorize("manager")
    from monitoring.sensor_management.removal import count_removal
    from monitoring.sensor_management.services import remove_sensor

    found = find_sensor(caller, name)
    counts = count_removal(found)
    body = {**body_of(found), "deleted": counts._asdict(), "removed": not dry_run}
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
    from monitoring.sensor_management.selectors import sensors_for

    sensor = sensors_for(caller.user).filter(name=name).first()
    if sensor is None:
        raise CliError("not-found", f"There is no sensor {name}. `skycam sensors list` lists all.")
    return sensor


def find_channel(sensor: Sensor, key: str) -> SensorChannel:
    """By its key, or by its id where two quantities share a key."""
    channels = list(sensor.channels.all())
    found = [one for one in channels if one.key == key] or [one for one in channels if str(one.pk) == key]
    if len(found) == 1:
        return found[0]
    why = f"{sensor.name} has no channel {key}" if not found else f"{sensor.name} has several channels {key}"
    raise CliError("not-found", f"{why}. `skycam sensors channels {sensor.name}` lists all with their ids.")


def body_of(sensor: Sensor) -> dict[str, Any]:
    from monitoring.sensor_management.bodies import sensor_body
    from monitoring.sensor_management.selectors import status_of

    return dict(sensor_body(status_of(sensor)))


def parse_settings(texts: tuple[str, ...], secret_file: Any) -> dict[str, Any]:
    """CliError. Values stay texts: the kind knows their types."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CliError("invalid", f"{text!r} is not a setting. Write NAME=VALUE.")
        found[name] = value
    return {**found, **(secret_file or {})}


def print_sensors(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No sensors. `skycam sensors detect` searches for some.")
        return
    rows = [
        [one["name"], one["kind"], one["host"], one["state"], values_text(one["channels"]), one["message"]]
        for one in body["results"]
    ]
    print_table(make_table(["name", "kind", "host", "state", "values", "message"], rows))


def values_text(channels: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['label']} {value_text(one)}" for one in channels)


def value_text(channel: dict[str, Any]) -> str:
    """`21.4 °C`, `missing`, or `21.4 °C (stale, 90 s old)`."""
    from monitoring.sensors.quantities import QUANTITIES

    if channel["value"] is None:
        return str(channel["quality"])
    digits = QUANTITIES[channel["quantity"]].digits
    text = f"{channel['value']:.{digits}f} {channel['unit']}".strip()
    if channel["quality"] == "stale":
        return f"{text} (stale, {channel['age_s']:.0f} s old)"
    return text if channel["quality"] == "ok" else f"{text} ({channel['quality']})"


def print_channels(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No channels yet: the first reading brings them.")
        return
    columns = ["id", "key", "label", "quantity", "value", "main", "hidden", "lowest", "highest", "offset"]
    rows = [
        [one["id"], one["key"], one["label"], one["quantity"], value_text(one), *(one[name] for name in columns[5:])]
        for one in body["results"]
    ]
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
    from monitoring.sensors.quantities import QUANTITIES

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
