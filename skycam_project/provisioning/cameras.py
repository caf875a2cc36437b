"""The list `cameras`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from cameras.audience import audience_of
from cameras.drivers.credentials import REDACTED, redact_address
from cameras.editing.services import add_camera, change_camera, remove_camera
from cameras.leases import lease_holders
from cameras.models import Camera
from cameras.resource import CameraChange, CameraFields, CameraNew
from cameras.validation import checked_address, checked_settings
from captures.recordings.claims.services import people_kind
from captures.recordings.control.commands import request_recording
from skycam_project.config.lists import CameraEntry
from skycam_project.config.redaction import address_with_references, escape_references
from skycam_project.provisioning.plan import Blocked, FieldChange, RowChange, RowsPlan, field_changes
from skycam_project.provisioning.rows import ListRows

NONE = "none"
HIDDEN_CHANGE = "its password changes"
PRESENT: dict[str, Callable[[Camera], Any]] = {
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
        return RowChange(entry.id, number, shown_changes(row, differing), differing)

    def blocked(self, row: Camera) -> Blocked | None:
        try:
            lease_holders.check_no_session(row)
            lease_holders.check_holder(row, self.actor)
        except lease_holders.LeaseHeld as error:
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
        values = {name: value(row) for name, value in PRESENT.items() if name != "address"}
        address = {"address": address_with_references(row.slug, row.address)}
        return {"id": row.slug, "type": row.kind, **address, **escape_references(values)}


def wanted_values(entry: CameraEntry, camera: Camera | None) -> dict[str, Any]:
    """The values that the item gives, in the form in which they are stored. A value that the services refuse stays as
    it is, for them to refuse."""
    values = {name: getattr(entry, name) for name in PRESENT if name in entry.model_fields_set}
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
    if camera is not None and REDACTED in address:
        with suppress(ValueError):
            address = camera.fill_address(address)
    with suppress(ValueError):
        address = checked_address(entry.kind, address)
    return address


def differing_values(values: dict[str, Any], camera: Camera) -> dict[str, Any]:
    return {name: value for name, value in values.items() if PRESENT[name](camera) != value}


def shown_changes(camera: Camera, values: dict[str, Any]) -> tuple[FieldChange, ...]:
    before = {name: shown_value(name, PRESENT[name](camera)) for name in values}
    after = {name: shown_value(name, value) for name, value in values.items()}
    # Of an address whose password alone changes both texts are equal.
    after |= {name: f"{value} ({HIDDEN_CHANGE})" for name, value in after.items() if before[name] == value}
    return field_changes(before, after)


def shown_value(name: str, value: Any) -> Any:
    """The value without the secrets of an address."""
    return redact_address(value) if name == "address" else value
