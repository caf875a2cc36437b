"""A camera's desired settings: set, adopt from its body, read back, and show as JSON. Each change is one transaction
with its event."""

from __future__ import annotations

from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from cameras import leases
from cameras.command_events import record_desired_change, record_outcome, record_refusals
from cameras.commands import control
from cameras.commands.messages import CONFIGURE, READ, Arguments, ConfigureArguments
from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.validation import checked_settings, settings_schema
from core.events.models import Event
from core.text.sentences import sentence
from core.times.timestamps import stamp_or_none


def set_settings(
    camera: Camera, values: dict[str, Any], actor: str = "", *, replace: bool = False, preset: str = ""
) -> Reading:
    """Store the desired settings and apply them; `preset` names the preset that they come from. The answer has
    `actual`, `read_at`, `warnings`.

    ValidationError for a bad value, LeaseHeld: nothing is changed. Another ControlError when the camera is not
    reachable: the settings are stored and are applied when it opens.
    """
    origin = {"preset": preset} if preset else {}
    template = "set {changed} on {camera}, from the preset {preset!r}." if preset else "set {changed} on {camera}."
    with record_refusals(camera, "settings", actor, {**origin, "settings": values}), transaction.atomic():
        # From the locked row: two partial changes at the same moment keep each other's settings.
        stored = leases.lock_as_holder(camera, actor).settings
        event = _store_settings(camera, stored, values if replace else {**stored, **values}, actor, template, origin)
    # After the commit: an exposure may delay the answer for seconds, in which no lock may be held, and a process that
    # starts meanwhile reads the row.
    return _apply_settings(camera, event)


def adopt_settings(camera: Camera, actor: str = "") -> Reading:
    """Adopt the changes made on the camera's body, as last read back. The answer is that of `set_settings`.

    ValidationError when nothing was changed there or a value is not allowed, LeaseHeld; then nothing is changed.
    """
    with record_refusals(camera, "adopt", actor), transaction.atomic():
        locked = leases.lock_as_holder(camera, actor)
        found = {one["name"]: one["has"] for one in locked.body_changes}
        if not found:
            raise ValidationError(
                sentence("None of the desired settings was changed on {camera} itself.", camera=camera)
            )
        event = _store_settings(
            camera, locked.settings, {**locked.settings, **found}, actor, "adopted {changed} from the body of {camera}."
        )
    return _apply_settings(camera, event)


def _store_settings(
    camera: Camera, stored: dict[str, Any], values: dict[str, Any], actor: str, template: str,
    origin: dict[str, str] | None = None,
) -> Event:  # fmt: skip
    """Store the desired settings with their event; ValidationError for a bad value. `template` has places for what was
    `changed`, for the `camera`, and for what `origin` has."""
    desired = checked_settings(camera.kind, values, camera.capabilities.get("settings"))
    # This column alone: `camera` was read before the lock, so its other columns may be out of date.
    Camera.objects.filter(pk=camera.pk).update(settings=desired)
    camera.settings = desired
    changed = ", ".join(f"{name} to {value}" for name, value in desired.items() if stored.get(name) != value)
    did = sentence(template, changed=changed or "nothing new", camera=camera, **(origin or {}))
    return record_desired_change(
        camera, "settings", did, actor, {**(origin or {}), "settings": desired}, kind="camera.settings"
    )


def _apply_settings(camera: Camera, event: Event) -> Reading:
    with record_outcome(event):
        # All settings and not the changed ones, so that settings which are left to the camera are left to it there,
        # too.
        return control.run_command(camera, CONFIGURE, ConfigureArguments(settings=camera.settings, whole=True))


def refresh_settings(camera: Camera) -> Reading:
    """Read the camera's settings without changing them: `actual`, `read_at`, `warnings`, `differs`. The last reading is
    returned if it is less than a second old or an exposure is due. ControlError."""
    return control.run_command(camera, READ, Arguments())


class SettingsBody(TypedDict):
    """`desired` is what the row has, `actual` what the camera had at `read_at`; `differs` lists desired settings
    that were changed on the camera's body since they were applied."""

    camera: str
    desired: dict[str, Any]
    actual: dict[str, Any]
    read_at: str | None
    warnings: list[str]
    differs: list[Difference]


class CapabilitiesBody(TypedDict):
    """`capabilities` as the camera reported them when it was last opened; `settings` is their JSON schema."""

    camera: str
    kind: str
    capabilities: dict[str, Any]
    settings: dict[str, Any]


def settings_body(camera: Camera, answer: Reading | None = None) -> SettingsBody:
    """From the camera's `answer` to a command; without one, from the last reading."""
    return SettingsBody(
        camera=camera.slug,
        desired=camera.settings,
        actual=answer["actual"] if answer else camera.read_back,
        read_at=answer["read_at"] if answer else stamp_or_none(camera.read_at),
        warnings=answer["warnings"] if answer else [],
        differs=still_desired(answer["differs"] if answer else camera.differs, camera.settings),
    )


def capabilities_body(camera: Camera) -> CapabilitiesBody:
    return CapabilitiesBody(
        camera=camera.slug, kind=camera.kind, capabilities=camera.capabilities, settings=settings_schema(camera.kind)
    )
