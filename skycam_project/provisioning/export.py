"""The present configuration of the station as YAML: the values that were set, its cameras, sensors,
schedules, notification channels and routes."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings

from cameras.models import Camera
from monitoring.models import NotificationChannel, NotificationRoute, Sensor
from monitoring.notifications.channels.kinds import channel_class
from monitoring.sensor_management.driver_settings import REDACTED, shown_settings
from scheduler.schedules.models import Schedule
from skycam_project.config.document import REFERENCE
from skycam_project.config.keys import Key
from skycam_project.config.model import FIRST_CAMERA, FIRST_SENSOR, KEYS
from skycam_project.config.notification_lists import NotificationRouteEntry
from skycam_project.config.secret_references import (
    address_with_references,
    channel_reference,
    escape_references,
    sensor_reference,
)
from skycam_project.config.writing import nest_keys, to_yaml, written_values
from skycam_project.provisioning.cameras import PRESENT
from skycam_project.provisioning.notification_routes import shown as shown_route
from skycam_project.provisioning.schedules import shown, stored
from skycam_project.station_settings import values_from_page


class Export(NamedTuple):
    """`variables` are the names of the variables that the text refers to: secrets, which it does not contain.
    `left_out` are schedules whose cameras were all removed: a file cannot have them."""

    text: str
    variables: list[str]
    left_out: list[str]


def export_configuration() -> Export:
    cameras = [camera_item(camera) for camera in Camera.objects.present().prefetch_related("audience").order_by("slug")]
    schedules = [schedule_item(row) for row in Schedule.objects.prefetch_related("cameras").order_by("name")]
    left_out = [schedule["name"] for schedule in schedules if not schedule["cameras"]]
    schedules = [schedule for schedule in schedules if schedule["cameras"]]
    values = {**written_values(settings.STATION), **escape_references(values_from_page())}
    sensors = [sensor_item(sensor) for sensor in Sensor.objects.filter(removed_at=None).order_by("name")]
    values |= {("cameras",): cameras, ("sensors",): sensors, ("schedules",): schedules}
    values |= {
        ("notification_channels",): [channel_item(row) for row in NotificationChannel.objects.order_by("name")],
        ("notification_routes",): [
            route_item(row) for row in NotificationRoute.objects.select_related("channel", "escalate_to")
        ],
    }
    if any(camera["id"] == FIRST_CAMERA for camera in cameras):
        # It is in the list, as it is now. The file would describe it twice.
        for key in (("camera", "type"), ("camera", "port")):
            values.pop(key, None)
    if any(sensor["name"] == FIRST_SENSOR for sensor in sensors):
        for key in (("sensor", "type"), ("sensor", "port")):
            values.pop(key, None)
    text = to_yaml(nest_keys(in_order(values)))
    return Export(text, sorted({match[1] for match in REFERENCE.finditer(text) if match[1]}), left_out)


def in_order(values: dict[Key, Any]) -> dict[Key, Any]:
    return {key: values[key] for key in KEYS if key in values}


def camera_item(camera: Camera) -> dict[str, Any]:
    shown_as = {name: value(camera) for name, value in PRESENT.items() if name != "address"}
    address = {"address": address_with_references(camera.slug, camera.address)}
    return {"id": camera.slug, "type": camera.kind, **address, **escape_references(shown_as)}


def sensor_item(sensor: Sensor) -> dict[str, Any]:
    shown_as = {
        "label": sensor.label,
        "host": sensor.host,
        "enabled": sensor.enabled,
        "sampling_interval": sensor.interval_s,
    }
    values: dict[str, Any] = {
        name: sensor_reference(sensor.name, name) if value == REDACTED else escape_references(value)
        for name, value in shown_settings(sensor).items()
    }
    return {"name": sensor.name, "type": sensor.kind, **escape_references(shown_as), "settings": values}


def channel_item(channel: NotificationChannel) -> dict[str, Any]:
    """With references in place of the secrets that it has. Nothing is decrypted."""
    shown, secrets = channel.settings_shown, channel_class(channel.kind).settings_model.secret_fields()
    plain = {name: value for name, value in shown.items() if name not in secrets and not name.endswith("_set")}
    stored = [name for name in secrets if shown.get(name) or shown.get(f"{name}_set")]
    hidden = {name: channel_reference(channel.name, name) for name in stored}
    kind = {"name": escape_references(channel.name), "type": channel.kind, "enabled": channel.enabled}
    return {**kind, "settings": {**escape_references(plain), **hidden}}


def route_item(row: NotificationRoute) -> dict[str, Any]:
    """Without what has its default."""
    values = {"name": row.name, **shown_route(row)}
    fields = NotificationRouteEntry.model_fields
    return {name: escape_references(values[name]) for name in fields if values[name] != fields[name].default}


def schedule_item(row: Schedule) -> dict[str, Any]:
    """Without what is not set: in the file, a missing key means the default."""
    found: dict[str, Any] = escape_references(shown(stored(row)))
    return {name: value for name, value in found.items() if value is not None}
