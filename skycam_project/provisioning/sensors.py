"""The list `sensors`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet

from core.resources.fields import REDACTED
from monitoring.models import Sensor
from monitoring.sensor_management.driver_settings import (
    check_settings,
    readable_settings,
)
from monitoring.sensor_management.resource import SensorChange, SensorRequest
from monitoring.sensor_management.services import add_sensor, change_sensor, remove_sensor
from monitoring.sensors.settings import settings_model
from skycam_project.config.lists import SensorEntry
from skycam_project.config.redaction import escape_references, sensor_reference
from skycam_project.config.sections import SensorConfig
from skycam_project.provisioning.plan import FieldChange, RowChange, field_changes
from skycam_project.provisioning.rows import HIDDEN_CHANGE, ListRows

PRESENT: dict[str, Callable[[Sensor], Any]] = {
    "label": lambda sensor: sensor.label,
    "host": lambda sensor: sensor.host,
    "enabled": lambda sensor: sensor.enabled,
    "sampling_interval": lambda sensor: sensor.interval_s,
}
"""Key of an item -> the sensor's value of it."""


class SensorRows(ListRows):
    name, noun, keys = "sensors", "sensor", {"kind": "type", "interval_s": "sampling_interval"}

    def stored(self) -> QuerySet[Sensor]:
        return Sensor.objects.filter(removed_at=None).order_by("name")

    def kind_of(self, entry: SensorEntry) -> str:
        return entry.type

    def change(self, number: int, entry: SensorEntry, row: Sensor | None) -> RowChange:
        values = {name: getattr(entry, name) for name in PRESENT if name in entry.model_fields_set}
        given = given_settings(entry)
        if given is not None or row is None:
            with self.located(number):
                values["settings"] = check_settings(
                    entry.type, whole_settings(entry.type, given or {}), row, from_file=True
                )
        if row is None:
            shown = {"type": entry.type, **values, "settings": without_secrets(entry.type, values["settings"])}
            fields = tuple(FieldChange(name, None, value) for name, value in shown.items())
            return RowChange(entry.name, number, fields, values)
        return RowChange(entry.name, number, shown_changes(row, values), values)

    def add(self, entry: SensorEntry, change: RowChange) -> None:
        wanted = SensorRequest(name=change.name, kind=entry.type, **stored_fields(change.values))
        add_sensor(wanted, self.actor, from_file=True)

    def update(self, row: Sensor, change: RowChange) -> None:
        change_sensor(row, SensorChange(**stored_fields(change.values)), self.actor, from_file=True)

    def remove(self, row: Sensor) -> None:
        remove_sensor(row, self.actor)

    def item(self, row: Sensor) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: sensor_reference(row.name, name) if value == REDACTED else escape_references(value)
            for name, value in row.settings_shown.items()
        }
        shown_as = escape_references({name: value(row) for name, value in PRESENT.items()})
        return {"name": row.name, "type": row.kind, **shown_as, "settings": values}


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
    model = settings_model(kind)
    return dict.fromkeys(model.model_fields.keys() - set(model.secret_fields())) | dict(given)


def without_secrets(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a plan shows them: *** for a secret, and no empty ones."""
    hidden = settings_model(kind).secret_fields()
    return {
        name: REDACTED if name in hidden else value for name, value in settings.items() if value not in (None, "", ())
    }


def shown_changes(sensor: Sensor, values: dict[str, Any]) -> tuple[FieldChange, ...]:
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


def stored_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request for the keys of an item."""
    return {"interval_s" if name == "sampling_interval" else name: value for name, value in values.items()}
