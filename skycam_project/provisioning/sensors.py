"""The list `sensors`: compares its items with the station's sensors, and adds, changes and removes sensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitoring.models import Sensor
from monitoring.sensor_management.driver_settings import (
    REDACTED,
    check_settings,
    readable_settings,
    secret_names,
)
from monitoring.sensor_management.resource import SensorChange, SensorRequest
from monitoring.sensor_management.services import add_sensor, change_sensor, remove_sensor
from monitoring.sensors.settings import settings_model
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.lists import SensorEntry
from skycam_project.config.sections import SensorConfig
from skycam_project.provisioning.plan import FieldChange, RowChange, RowsPlan, field_changes
from skycam_project.provisioning.problems import located

KEYS = {"kind": "type", "interval_s": "sampling_interval"}
"""Fields of a sensor that have another name in the file."""
HIDDEN_CHANGE = "its secrets change"
PRESENT: dict[str, Callable[[Sensor], Any]] = {
    "label": lambda sensor: sensor.label,
    "host": lambda sensor: sensor.host,
    "enabled": lambda sensor: sensor.enabled,
    "sampling_interval": lambda sensor: sensor.interval_s,
}
"""Key of an item -> the sensor's value of it."""


def plan_sensors(file: ConfigFile, *, prune: bool) -> RowsPlan:
    """ConfigError for items that no sensor can be brought to."""
    present = {sensor.name: sensor for sensor in Sensor.objects.filter(removed_at=None)}
    entries = list(enumerate(file.config.sensors, start=1))
    check_types(file, present)
    changes = {entry.name: _change(file, number, entry, present.get(entry.name)) for number, entry in entries}
    missing = tuple(name for name in present if name not in changes)
    return RowsPlan(
        added=tuple(changes[entry.name] for _, entry in entries if entry.name not in present),
        changed=tuple(change for name, change in changes.items() if name in present and change.fields),
        unchanged=tuple(name for name, change in changes.items() if name in present and not change.fields),
        removed=missing if prune else (),
        kept=() if prune else missing,
    )


def check_types(file: ConfigFile, present: dict[str, Sensor]) -> None:
    """ConfigError for an item whose sensor is of another type."""
    wrong = [
        f"{file.place_of('sensors', number, 'type')}: {entry.name} is a sensor of the type {present[entry.name].kind}, "
        "and its type cannot be changed. Remove it first, or choose another name."
        for number, entry in enumerate(file.config.sensors, start=1)
        if entry.name in present and present[entry.name].kind != entry.type
    ]
    if wrong:
        raise ConfigError(wrong)


def _change(file: ConfigFile, number: int, entry: SensorEntry, sensor: Sensor | None) -> RowChange:
    values = {name: getattr(entry, name) for name in PRESENT if name in entry.model_fields_set}
    given = given_settings(entry)
    if given is not None or sensor is None:
        with located(file, "sensors", number, KEYS):
            values["settings"] = check_settings(
                entry.type, whole_settings(entry.type, given or {}), sensor, from_file=True
            )
    if sensor is None:
        shown = {"type": entry.type, **values, "settings": without_secrets(entry.type, values["settings"])}
        fields = tuple(FieldChange(name, None, value) for name, value in shown.items())
        return RowChange(entry.name, number, fields, values)
    return RowChange(entry.name, number, _shown_changes(sensor, values), values)


def given_settings(entry: SensorEntry) -> dict[str, Any] | None:
    """All settings of the kind that the item gives; None if it gives none."""
    found = {**entry.settings, **serial_settings(entry)}
    return found if found or "settings" in entry.model_fields_set else None


def serial_settings(config: SensorConfig) -> dict[str, Any]:
    """The settings of the kind that were given as keys."""
    found: dict[str, Any] = {"port": config.port, "baud_rate": config.baud_rate}
    # Files of old have a baud rate for digitemp, too, which has none.
    left_out = set() if "baud_rate" in settings_model(config.type).model_fields else {"baud_rate"}
    return {name: found[name] for name in found if name in config.model_fields_set - left_out}


def whole_settings(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an item replace all others, except secrets that it does not give."""
    return dict.fromkeys(settings_model(kind).model_fields.keys() - secret_names(kind)) | dict(given)


def without_secrets(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a plan shows them: *** for a secret, and no empty ones."""
    hidden = secret_names(kind)
    return {
        name: REDACTED if name in hidden else value for name, value in settings.items() if value not in (None, "", ())
    }


def _shown_changes(sensor: Sensor, values: dict[str, Any]) -> tuple[FieldChange, ...]:
    before = {name: value(sensor) for name, value in PRESENT.items()}
    after = {name: value for name, value in values.items() if name != "settings"}
    fields = field_changes(before, after)
    if "settings" not in values:
        return fields
    stored = readable_settings(sensor)
    old, new = without_secrets(sensor.kind, stored), without_secrets(sensor.kind, values["settings"])
    if old != new:
        return (*fields, FieldChange("settings", old, new))
    # Of settings whose secrets alone change both are shown alike.
    differing = any((stored.get(name) or None) != (value or None) for name, value in values["settings"].items())
    return (*fields, FieldChange("settings", old, HIDDEN_CHANGE)) if differing else fields


def remove_sensors(plan: RowsPlan, actor: str) -> None:
    for name in plan.removed:
        remove_sensor(Sensor.objects.get(name=name, removed_at=None), actor)


def store_sensors(file: ConfigFile, plan: RowsPlan, actor: str) -> None:
    """Change and add the sensors of the plan. ConfigError with the place of what the services refuse."""
    for change in plan.changed:
        with located(file, "sensors", change.number, KEYS):
            sensor = Sensor.objects.get(name=change.name, removed_at=None)
            wanted = SensorChange(**stored_fields(change.values))
            change_sensor(sensor, wanted, actor, from_file=True)
    for change in plan.added:
        kind = file.config.sensors[change.number - 1].type
        with located(file, "sensors", change.number, KEYS):
            add_sensor(
                SensorRequest(name=change.name, kind=kind, **stored_fields(change.values)), actor, from_file=True
            )


def stored_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request for the keys of an item."""
    return {"interval_s" if name == "sampling_interval" else name: value for name, value in values.items()}
