"""The lists `cameras`, `sensors` and `schedules` of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from cameras import leases
from cameras.audience import audience_of
from cameras.drivers.credentials import REDACTED as REDACTED_ADDRESS
from cameras.drivers.credentials import redact_address
from cameras.editing.services import add_camera, change_camera, remove_camera
from cameras.models import Camera
from cameras.resource import CameraChange, CameraFields, CameraNew
from cameras.validation import checked_address, checked_settings
from captures.recordings.claims.services import people_kind
from captures.recordings.control.commands import request_recording
from core.resources.fields import REDACTED
from monitoring.models import Sensor
from monitoring.sensor_management.resource import SensorChange, SensorRequest
from monitoring.sensor_management.services import (
    add_sensor,
    change_sensor,
    check_settings,
    readable_settings,
    remove_sensor,
)
from monitoring.sensors.settings import settings_model
from scheduler.editing.service import ScheduleService
from scheduler.runs.replanning import replan
from scheduler.schedules.models import Schedule
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config.lists import CameraEntry, ScheduleEntry, SensorEntry
from skycam_project.config.redaction import address_with_references, escape_references, sensor_reference
from skycam_project.config.sections import SensorConfig
from skycam_project.provisioning.rows import (
    HIDDEN_CHANGE,
    Blocked,
    FieldChange,
    ListRows,
    Plans,
    RowChange,
    RowsPlan,
    field_changes,
    known_after,
    refuse,
)

NONE = "none"
ADDRESS_CHANGE = "its password changes"
PRESENT_OF_CAMERA: dict[str, Callable[[Camera], Any]] = {
    **{name: attrgetter(name) for name in CameraFields.model_fields},
    "address": lambda camera: camera.full_address,
    "audience": audience_of,
    "recording": lambda camera: people_kind(camera) or NONE,
}
"""Key of an item -> the camera's value of it."""


class CameraRows(ListRows):
    name, noun, keys, id_key = "cameras", "camera", {"slug": "id", "kind": "type"}, "id"

    def stored(self) -> QuerySet[Camera]:
        return Camera.objects.present().prefetch_related("audience").order_by("slug")

    def label(self, row: Camera) -> str:
        return row.slug

    def kind_of(self, entry: CameraEntry) -> str:
        return entry.kind

    def arranged(self, plan: RowsPlan) -> RowsPlan:
        # The primary camera first: the first camera of a station is made primary otherwise.
        added = tuple(sorted(plan.added, key=lambda change: not change.values.get("primary")))
        return replace(plan, added=added, changed=(*self._without_primary(plan), *plan.changed))

    def _without_primary(self, plan: RowsPlan) -> Iterator[RowChange]:
        """The camera that is no longer primary because an item makes another one primary."""
        changes = {change.name: change.values for change in (*plan.added, *plan.changed)}
        if not any(values.get("primary") for values in changes.values()):
            return
        said = {entry.id for _, entry in self.entries() if "primary" in entry.model_fields_set}
        for camera in self.stored().filter(primary=True):
            if camera.slug not in {*said, *plan.removed}:
                yield RowChange(camera.slug, 0, (FieldChange("primary", True, False),), {"primary": False})

    def change(self, number: int, entry: CameraEntry, row: Camera | None) -> RowChange:
        values = wanted_values(entry, row)
        if row is None:
            shown = {"type": entry.kind, **values}
            fields = tuple(FieldChange(name, None, shown_value(name, value)) for name, value in shown.items())
            return RowChange(entry.id, number, fields, values)
        differing = differing_values(values, row)
        return RowChange(entry.id, number, shown_camera_changes(row, differing), differing)

    def blocked(self, row: Camera) -> Blocked | None:
        try:
            leases.check_no_session(row)
            leases.check_holder(row, self.actor)
        except leases.LeaseHeld as error:
            return Blocked(row.slug, error.detail)
        return None

    def add(self, entry: CameraEntry, change: RowChange) -> None:
        values = dict(change.values)
        given = {name: value for name, value in values.items() if name in CameraNew.model_fields}
        camera = add_camera(CameraNew(slug=entry.id, kind=entry.kind, **given), self.actor)
        # What a new camera gets by default although the item says otherwise, and what it cannot be added with.
        camera.refresh_from_db()
        self._store(camera, differing_values(values, camera))

    def update(self, row: Camera, change: RowChange) -> None:
        self._store(row, dict(change.values))

    def _store(self, camera: Camera, values: dict[str, Any]) -> None:
        recording = values.pop("recording", None)
        if values:
            change_camera(camera, CameraChange(**values), self.actor)
        if recording is not None:
            request_recording(camera, "" if recording == NONE else recording, self.actor)

    def remove(self, row: Camera) -> None:
        remove_camera(row, self.actor)

    def item(self, row: Camera) -> dict[str, Any]:
        values = {name: value(row) for name, value in PRESENT_OF_CAMERA.items() if name != "address"}
        address = {"address": address_with_references(row.slug, row.address)}
        return {"id": row.slug, "type": row.kind, **address, **escape_references(values)}


def wanted_values(entry: CameraEntry, camera: Camera | None) -> dict[str, Any]:
    """The values that the item gives, in the form in which they are stored. A value that the services refuse stays as
    it is, for them to refuse."""
    values = {name: getattr(entry, name) for name in PRESENT_OF_CAMERA if name in entry.model_fields_set}
    if "address" in values:
        values["address"] = _full_address(entry, camera)
    if "settings" in values:
        with suppress(ValidationError):
            values["settings"] = checked_settings(entry.kind, values["settings"])
    if "audience" in values:
        values["audience"] = sorted(set(values["audience"]))
    return values


def _full_address(entry: CameraEntry, camera: Camera | None) -> str:
    address = entry.address
    if camera is not None and REDACTED_ADDRESS in address:
        with suppress(ValueError):
            address = camera.fill_address(address)
    with suppress(ValueError):
        address = checked_address(entry.kind, address)
    return address


def differing_values(values: dict[str, Any], camera: Camera) -> dict[str, Any]:
    return {name: value for name, value in values.items() if PRESENT_OF_CAMERA[name](camera) != value}


def shown_camera_changes(camera: Camera, values: dict[str, Any]) -> tuple[FieldChange, ...]:
    before = {name: shown_value(name, PRESENT_OF_CAMERA[name](camera)) for name in values}
    after = {name: shown_value(name, value) for name, value in values.items()}
    # Of an address whose password alone changes both texts are equal.
    after |= {name: f"{value} ({ADDRESS_CHANGE})" for name, value in after.items() if before[name] == value}
    return field_changes(before, after)


def shown_value(name: str, value: Any) -> Any:
    """The value without the secrets of an address."""
    return redact_address(value) if name == "address" else value


PRESENT_OF_SENSOR: dict[str, Callable[[Sensor], Any]] = {
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
        values = {name: getattr(entry, name) for name in PRESENT_OF_SENSOR if name in entry.model_fields_set}
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
        return RowChange(entry.name, number, shown_sensor_changes(row, values), values)

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
        shown_as = escape_references({name: value(row) for name, value in PRESENT_OF_SENSOR.items()})
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


def shown_sensor_changes(sensor: Sensor, values: dict[str, Any]) -> tuple[FieldChange, ...]:
    before = {name: value(sensor) for name, value in PRESENT_OF_SENSOR.items()}
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


class ScheduleRows(ListRows):
    name, noun = "schedules", "schedule"

    def stored(self) -> QuerySet[Schedule]:
        return Schedule.objects.prefetch_related("cameras").order_by("name")

    def key(self, text: str) -> str:
        # SQLite compares only ASCII without regard to case.
        return text.lower()

    def check(self, plans: Plans) -> None:
        """ConfigError for a camera that the station will not have."""
        known = known_after(plans["cameras"], Camera.objects.present().values_list("slug", flat=True))
        refuse(
            f"{self.place(number, 'cameras')}: there is no camera {slug!r}."
            for number, entry in self.entries()
            for slug in entry.cameras
            if slug not in known
        )

    def change(self, number: int, entry: ScheduleEntry, row: Schedule | None) -> RowChange:
        with self.located(number):
            request = requested(entry)
        wanted = {**request.stored(), "cameras": sorted(request.cameras)}
        if row is None:
            fields = tuple(FieldChange(name, None, value) for name, value in shown(wanted).items() if name != "name")
            return RowChange(entry.name, number, fields, wanted)
        return RowChange(entry.name, number, field_changes(shown(stored(row)), shown(wanted)), wanted)

    @property
    def service(self) -> ScheduleService:
        return ScheduleService(self.user, self.actor, plan_later)

    def add(self, entry: ScheduleEntry, change: RowChange) -> None:
        self.service.add(requested(entry))

    def update(self, row: Schedule, change: RowChange) -> None:
        self.service.change(row, requested(dict(self.entries())[change.number]))

    def remove(self, row: Schedule) -> None:
        self.service.remove(row)

    def finish(self) -> None:
        replan()

    def item(self, row: Schedule) -> dict[str, Any]:
        """Without what is not set: in the file, a missing key means the default. Nothing if its cameras were all
        removed: a file cannot have it."""
        found: dict[str, Any] = escape_references(shown(stored(row)))
        return {name: value for name, value in found.items() if value is not None} if found["cameras"] else {}


def requested(entry: ScheduleEntry) -> ScheduleRequest:
    return ScheduleRequest.model_validate(entry.model_dump(mode="json", exclude_unset=True))


def stored(row: Schedule) -> dict[str, Any]:
    """The columns of the row, as `ScheduleRequest.stored` has them, and its cameras."""
    columns = {name: getattr(row, name) for name in ScheduleRequest.model_fields if name != "cameras"}
    return {**columns, "cameras": row.camera_slugs}


def shown(values: dict[str, Any]) -> dict[str, Any]:
    """In JSON's types."""
    dates = {name: str(values[name]) for name in ("first_night", "last_night") if values[name]}
    return {**values, **dates}


def plan_later() -> None:
    """To plan a night with a hundred schedules takes 0.4 s, in which no one else may write: the caller plans once."""
