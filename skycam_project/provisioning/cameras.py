"""The list `cameras`: compares its items with the station's cameras, and adds, changes and removes cameras."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError

from cameras.audience.service import audience_of
from cameras.drivers.credentials import REDACTED, redact_address
from cameras.editing.services import add_camera, change_camera, remove_camera
from cameras.leases import lease_holders
from cameras.models import Camera
from cameras.resource import CameraChange, CameraFields, CameraNew
from cameras.validation import checked_address, checked_settings
from captures.recording_claims.services import people_kind
from captures.recording_control.commands import request_recording
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.lists import CameraEntry
from skycam_project.provisioning.plan import Blocked, FieldChange, RowChange, RowsPlan, field_changes
from skycam_project.provisioning.problems import located

KEYS = {"slug": "id", "kind": "type"}
"""Fields of a camera that have another name in the file."""
NONE = "none"
HIDDEN_CHANGE = "its password changes"
PRESENT: dict[str, Callable[[Camera], Any]] = {
    **{name: attrgetter(name) for name in CameraFields.model_fields},
    "address": lambda camera: camera.full_address,
    "audience": audience_of,
    "recording": lambda camera: people_kind(camera) or NONE,
}
"""Key of an item -> the camera's value of it."""


def plan_cameras(file: ConfigFile, actor: str, *, prune: bool) -> RowsPlan:
    """ConfigError for items that no camera can be brought to."""
    present = {camera.slug: camera for camera in Camera.objects.present().prefetch_related("audience")}
    entries = list(enumerate(file.config.cameras, start=1))
    check_types(file, present)
    changes = {entry.id: _change(number, entry, present.get(entry.id)) for number, entry in entries}
    added = [changes[entry.id] for _, entry in entries if entry.id not in present]
    changed = [changes[entry.id] for _, entry in entries if entry.id in present and changes[entry.id].fields]
    missing = [camera for slug, camera in present.items() if slug not in changes]
    blocked = [found for camera in missing if prune and (found := blocked_removal(camera, actor))]
    kept = {one.name for one in blocked} if prune else {camera.slug for camera in missing}
    removed = [camera.slug for camera in missing if camera.slug not in kept]
    return RowsPlan(
        # The primary camera first: the first camera of a station is made primary otherwise.
        added=tuple(sorted(added, key=lambda change: not change.values.get("primary"))),
        changed=(*_without_primary(changes, present, removed), *changed),
        unchanged=tuple(entry.id for _, entry in entries if entry.id in present and not changes[entry.id].fields),
        removed=tuple(removed),
        kept=tuple(sorted(kept - {one.name for one in blocked})),
        blocked=tuple(blocked),
    )


def check_types(file: ConfigFile, present: dict[str, Camera]) -> None:
    """ConfigError for an item whose camera is of another type."""
    wrong = [
        f"{file.place_of('cameras', number, 'type')}: {entry.id} is a camera of the type {present[entry.id].kind}, and "
        "its type cannot be changed. Remove it first, or choose another id."
        for number, entry in enumerate(file.config.cameras, start=1)
        if entry.id in present and present[entry.id].kind != entry.kind
    ]
    if wrong:
        raise ConfigError(wrong)


def _change(number: int, entry: CameraEntry, camera: Camera | None) -> RowChange:
    values = wanted_values(entry, camera)
    if camera is None:
        shown = {"type": entry.kind, **values}
        fields = tuple(FieldChange(name, None, shown_value(name, value)) for name, value in shown.items())
        return RowChange(entry.id, number, fields, values)
    differing = differing_values(values, camera)
    return RowChange(entry.id, number, _shown_changes(camera, differing), differing)


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


def _shown_changes(camera: Camera, values: dict[str, Any]) -> tuple[FieldChange, ...]:
    before = {name: shown_value(name, PRESENT[name](camera)) for name in values}
    after = {name: shown_value(name, value) for name, value in values.items()}
    # Of an address whose password alone changes both texts are equal.
    after |= {name: f"{value} ({HIDDEN_CHANGE})" for name, value in after.items() if before[name] == value}
    return field_changes(before, after)


def shown_value(name: str, value: Any) -> Any:
    """The value without the secrets of an address."""
    return redact_address(value) if name == "address" else value


def _without_primary(
    changes: dict[str, RowChange], present: dict[str, Camera], removed: list[str]
) -> tuple[RowChange, ...]:
    """The camera that is no longer primary because an item makes another one primary."""
    names = {name for name, change in changes.items() if change.values.get("primary")}
    fields, values = (FieldChange("primary", True, False),), {"primary": False}
    return tuple(
        RowChange(slug, 0, fields, values)
        for slug, camera in present.items()
        if names and camera.primary and slug not in {*names, *removed} and "primary" not in _values(changes, slug)
    )


def _values(changes: dict[str, RowChange], slug: str) -> Any:
    return changes[slug].values if slug in changes else {}


def blocked_removal(camera: Camera, actor: str) -> Blocked | None:
    """Why the camera cannot be removed now."""
    try:
        lease_holders.check_no_session(camera)
        lease_holders.check_holder(camera, actor)
    except lease_holders.LeaseHeld as error:
        return Blocked(camera.slug, error.detail)
    return None


def remove_cameras(plan: RowsPlan, actor: str) -> None:
    for slug in plan.removed:
        remove_camera(Camera.objects.present().get(slug=slug), actor)


def store_cameras(file: ConfigFile, plan: RowsPlan, actor: str) -> None:
    """Change and add the cameras of the plan. ConfigError with the place of what the services refuse; LeaseHeld."""
    for change in plan.changed:
        with located(file, "cameras", change.number, KEYS):
            _store(Camera.objects.present().get(slug=change.name), dict(change.values), actor)
    for change in plan.added:
        with located(file, "cameras", change.number, KEYS):
            _add(file.config.cameras[change.number - 1], dict(change.values), actor)


def _add(entry: CameraEntry, values: dict[str, Any], actor: str) -> None:
    given = {name: value for name, value in values.items() if name in CameraNew.model_fields}
    camera = add_camera(CameraNew(slug=entry.id, kind=entry.kind, **given), actor)
    # What a new camera gets by default although the item says otherwise, and what it cannot be added with.
    camera.refresh_from_db()
    _store(camera, differing_values(values, camera), actor)


def _store(camera: Camera, values: dict[str, Any], actor: str) -> None:
    recording = values.pop("recording", None)
    if values:
        change_camera(camera, CameraChange(**values), actor)
    if recording is not None:
        request_recording(camera, "" if recording == NONE else recording, actor)
