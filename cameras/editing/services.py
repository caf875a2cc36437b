"""Services on cameras: add, change, remove, connect, settings, faults. Each change is one transaction with its
event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras.audience import service as audience
from cameras.commands import control
from cameras.commands.events import (
    DONE,
    command_data,
    record_desired_change,
    record_failures,
    record_outcome,
    record_refusals,
)
from cameras.commands.messages import (
    CONFIGURE,
    FAULTS,
    READ,
    RECONCILE,
    Arguments,
    ConfigureArguments,
    FaultsArguments,
)
from cameras.drivers import driver_class
from cameras.drivers.simulated.faults import Faults
from cameras.editing import camera_creation, host_failover
from cameras.leases import lease_holders
from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.status.messages import Status
from cameras.validation import checked_settings
from monitoring.models import Event
from monitoring.services import record_event

CHANGEABLE = {"name", "address", "host", "enabled", "settings", "primary", *audience.FIELDS}
GUARDED = CHANGEABLE - {"name", "primary", *audience.FIELDS}
"""What only the holder may change while the camera is held."""


@transaction.atomic
def add_camera(
    *, slug: str, kind: str, name: str = "", address: str = "", host: str = "", values: dict[str, Any] | None = None,
    primary: bool = False, seen_by: Mapping[str, Any] | None = None, actor: str = "",
) -> Camera:  # fmt: skip
    """Add a camera on `host` (by default this one), visible as `seen_by` says (`restricted`, `audience`).
    ValidationError with a sentence for each bad field, or when the station already has `max_cameras`."""
    camera_creation.check_kind(kind)
    camera_creation.check_camera_limit()
    camera = Camera(
        slug=slug, kind=kind, name=name or slug, address=address, host=host or settings.STATION.host,
        settings=camera_creation.with_default_settings(kind, values or {}), primary=primary,
    )  # fmt: skip
    if not primary and not Camera.objects.present().filter(primary=True).exists():
        camera.primary = True
    if primary:
        Camera.objects.present().filter(primary=True).update(primary=False)
    _save_camera(camera)
    record_event(
        "camera.added", f"{actor or 'The station'} added {slug} ({kind}).", camera=camera, actor=actor,
        data=command_data(
            "add", {"kind": kind, **_event_arguments(camera, {"address", "host", "settings", "primary"})}, DONE
        ),
    )  # fmt: skip
    audience.change_audience(camera, seen_by or {}, actor)
    return camera


def _event_arguments(camera: Camera, names: Iterable[str]) -> dict[str, Any]:
    """The fields as the row has them: addresses are redacted."""
    return {name: getattr(camera, name) for name in sorted(names)}


def change_camera(camera: Camera, changes: dict[str, Any], actor: str = "", *, host_is_gone: bool = False) -> Camera:
    """Change some of CHANGEABLE, and nothing else of the row. ValidationError with a sentence for each bad field,
    LeaseHeld, SessionRunning; then nothing is changed.

    `host_is_gone` confirms that the camera's machine is off; its session ends then. HostAlive when the host still
    answers, BrokerDown when that is unknown.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise ValidationError(dict.fromkeys(unknown, "This cannot be changed."))
    arguments = {name: value for name, value in changes.items() if name not in {"address", "audience"}}
    with record_refusals(camera, "change", actor, arguments), transaction.atomic():
        return _apply_changes(_lock_camera(camera), changes, actor, host_is_gone)


def _apply_changes(locked: Camera, changes: dict[str, Any], actor: str, host_is_gone: bool) -> Camera:
    moves = changes.get("host", locked.host) != locked.host
    gone = host_is_gone and moves
    if moves and not gone:
        host_failover.check_host(locked)
    if gone:
        host_failover.check_lease(locked, actor)
    elif GUARDED & set(changes):
        lease_holders.check_holder(locked, actor)
    row = {name: value for name, value in changes.items() if name not in audience.FIELDS}
    if row or not changes:
        _change_row(locked, row, actor, gone)
    if len(row) < len(changes):
        audience.change_audience(locked, changes, actor)
    return locked


def _change_row(locked: Camera, changes: dict[str, Any], actor: str, host_is_gone: bool) -> None:
    before, host = _process_location(locked), locked.host
    if changes.get("primary"):
        Camera.objects.present().filter(primary=True).exclude(pk=locked.pk).update(primary=False)
    for field, value in changes.items():
        setattr(locked, field, value)
    _save_camera(locked, set(changes))
    if host_is_gone:
        host_failover.end_session(locked, host)
    if _process_location(locked) != before or changes.get("enabled") is False:
        lease_holders.check_no_session(locked)
    record_event(
        "camera.changed", f"{actor or 'The station'} changed {', '.join(sorted(changes))} of {locked.slug}.",
        camera=locked, actor=actor, data=command_data("change", _event_arguments(locked, changes), DONE),
    )  # fmt: skip


def _process_location(camera: Camera) -> tuple[str, str]:
    """Host and address, from a validated row, so that another spelling of the same address is not a change."""
    return camera.host, camera.full_address


def _lock_camera(camera: Camera) -> Camera:
    """The present row, locked until the transaction ends, because `camera` may be out of date."""
    return Camera.objects.select_for_update().get(pk=camera.pk)


def _save_camera(camera: Camera, fields: set[str] | None = None) -> None:
    """Save a new row, or `fields` of an existing one."""
    if fields and "address" in fields:
        fields = fields | {"encrypted_address"}
    camera.full_clean(exclude=["audience"], validate_constraints=False)
    try:
        with transaction.atomic():
            camera.save(update_fields=fields)
    except IntegrityError:
        raise ValidationError({"slug": f"There is a camera {camera.slug!r} already."}) from None


def remove_camera(camera: Camera, actor: str = "") -> None:
    """Soft delete: the row stays for its captures, and its host empties the spool. The slug is free again. LeaseHeld,
    SessionRunning."""
    with record_refusals(camera, "remove", actor), transaction.atomic():
        locked = _lock_camera(camera)
        lease_holders.check_holder(locked, actor)
        lease_holders.check_no_session(locked)
        _remove(camera, actor)


def _remove(camera: Camera, actor: str) -> None:
    camera.removed_at = timezone.now()
    camera.enabled = camera.connected = camera.primary = False
    camera.save(update_fields=["removed_at", "enabled", "connected", "primary"])
    record_event(
        "camera.removed", f"{actor or 'The station'} removed {camera.slug}.", camera=camera, actor=actor,
        data=command_data("remove", {}, DONE),
    )  # fmt: skip


def set_connected(camera: Camera, connected: bool, actor: str = "") -> Event:
    """Store whether the camera should be connected; it survives restarts. LeaseHeld, SessionRunning."""
    order = "connect" if connected else "disconnect"
    with record_refusals(camera, order, actor), transaction.atomic():
        locked = _lock_camera(camera)
        lease_holders.check_holder(locked, actor)
        if not connected:
            lease_holders.check_no_session(locked)
        locked.connected = connected
        locked.enabled = locked.enabled or connected
        locked.save(update_fields=["connected", "enabled"])
        return record_desired_change(locked, order, f"{order}ed {locked.slug}.", actor, {})


def connect(camera: Camera, connected: bool, actor: str = "") -> Status:
    """Store whether the camera should be connected and have its host apply it; returns the status reached. ControlError
    (LeaseHeld among them), BrokerDown."""
    with record_outcome(set_connected(camera, connected, actor)):
        return reconcile(camera)


def reconcile(camera: Camera, *, wait_s: float = 10.0) -> Status:
    """Have the host bring the camera to its desired state; returns the status reached."""
    return control.run_command(camera, RECONCILE, Arguments(), wait_s=wait_s)


def set_settings(
    camera: Camera, values: dict[str, Any], actor: str = "", *, replace: bool = False, preset: str = ""
) -> Reading:
    """Store the desired settings and apply them; `preset` names the preset that they come from. The answer has
    `actual`, `read_at`, `warnings`.

    ValidationError for a bad value, LeaseHeld: nothing is changed. Another ControlError when the camera is not
    reachable: the settings are stored and are applied when it opens.
    """
    origin = {"preset": preset} if preset else {}
    sentence = f"set {{}} on {{}}, from the preset {preset!r}." if preset else "set {} on {}."
    with record_refusals(camera, "settings", actor, {**origin, "settings": values}), transaction.atomic():
        stored = _lock_for_settings(camera, actor).settings
        event = _store_settings(camera, stored, values if replace else {**stored, **values}, actor, sentence, origin)
    return _apply_settings(camera, event)


def adopt_settings(camera: Camera, actor: str = "") -> Reading:
    """Adopt the changes made on the camera's body, as last read back. The answer is that of `set_settings`.

    ValidationError when nothing was changed there or a value is not allowed, LeaseHeld; then nothing is changed.
    """
    with record_refusals(camera, "adopt", actor), transaction.atomic():
        locked = _lock_for_settings(camera, actor)
        found = {one["name"]: one["has"] for one in locked.body_changes}
        if not found:
            raise ValidationError(f"None of the desired settings was changed on {camera.slug} itself.")
        event = _store_settings(
            camera, locked.settings, {**locked.settings, **found}, actor, "adopted {} from the body of {}."
        )
    return _apply_settings(camera, event)


def _lock_for_settings(camera: Camera, actor: str) -> Camera:
    """The locked row; LeaseHeld when another user holds the camera."""
    locked = _lock_camera(camera)
    lease_holders.check_holder(locked, actor)
    return locked


def _store_settings(
    camera: Camera, stored: dict[str, Any], values: dict[str, Any], actor: str, sentence: str,
    origin: dict[str, str] | None = None,
) -> Event:  # fmt: skip
    """Store the desired settings with their event; ValidationError for a bad value."""
    desired = checked_settings(camera.kind, values, camera.capabilities.get("settings"))
    Camera.objects.filter(pk=camera.pk).update(settings=desired)
    camera.settings = desired
    changed = ", ".join(f"{name} to {value}" for name, value in desired.items() if stored.get(name) != value)
    did = sentence.format(changed or "nothing new", camera.slug)
    return record_desired_change(
        camera, "settings", did, actor, {**(origin or {}), "settings": desired}, kind="camera.settings"
    )


def _apply_settings(camera: Camera, event: Event) -> Reading:
    with record_outcome(event):
        return control.run_command(camera, CONFIGURE, ConfigureArguments(settings=camera.settings, whole=True))


def read_faults(camera: Camera) -> dict[str, Any]:
    """The active faults of a simulated camera. ValidationError for a real camera; ControlError."""
    _need_simulated(camera)
    return control.run_command(camera, FAULTS, FaultsArguments())["faults"]


def set_faults(camera: Camera, faults: Faults, actor: str = "") -> dict[str, Any]:
    """Set exactly these faults; returns the active ones. They survive a restart of the camera's process, until they are
    used up, cleared, or the host restarts. ValidationError for a real camera; ControlError."""
    _need_simulated(camera)
    wanted = faults.active()
    with record_refusals(camera, "faults", actor, wanted):
        lease_holders.check_holder_now(camera, actor)
    with record_failures(camera, "faults", actor, wanted):
        found = control.run_command(camera, FAULTS, FaultsArguments(faults=wanted))["faults"]
    listed = ", ".join(f"{name} ({value})" for name, value in wanted.items())
    did = f"switched on the faults {listed} of" if wanted else "cleared the faults of"
    record_event(
        "camera.faults", f"{actor or 'Someone'} {did} {camera.slug}.", severity="warning" if wanted else "info",
        camera=camera, actor=actor, data={"faults": wanted, **command_data("faults", wanted, DONE)},
    )  # fmt: skip
    return found


def _need_simulated(camera: Camera) -> None:
    if not driver_class(camera.kind).simulated:
        raise ValidationError(
            f"{camera.slug} is a real camera. Only a simulated one has faults that can be switched on: add one, with "
            "`skycam cameras add NAME --kind simulated`."
        )


def refresh_settings(camera: Camera) -> Reading:
    """Read the camera's settings without changing them: `actual`, `read_at`, `warnings`, `differs`. The last reading is
    returned if it is less than a second old or an exposure is due. ControlError."""
    return control.run_command(camera, READ, Arguments())
