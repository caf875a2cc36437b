"""What is done to cameras as rows: add, change, remove, connect, settings. Each is one transaction with its event."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import control
from cameras.control import ControlError
from cameras.drivers import driver_class
from cameras.drivers.simulated.faults import Faults
from cameras.models import Camera
from cameras.tables import PROGRAMMES, resolve
from cameras.validation import checked_settings
from monitoring.services import record_event

CHANGEABLE = {"name", "address", "host", "enabled", "settings", "primary"}


@transaction.atomic
def add_camera(
    *, slug: str, kind: str, name: str = "", address: str = "", host: str = "", values: dict[str, Any] | None = None,
    primary: bool = False, actor: str = "",
) -> Camera:  # fmt: skip
    """A new camera on `host` (this one by default). ValidationError with a sentence for each bad field."""
    camera = Camera(
        slug=slug, kind=kind, name=name or slug, address=address, host=host or settings.STATION.host,
        settings=values or {}, primary=primary,
    )  # fmt: skip
    if not primary and not Camera.objects.present().filter(primary=True).exists():
        camera.primary = True
    if primary:
        Camera.objects.present().filter(primary=True).update(primary=False)
    _store(camera)
    record_event("camera.added", f"{actor or 'The station'} added {slug} ({kind}).", camera=slug, actor=actor)
    return camera


@transaction.atomic
def change_camera(camera: Camera, changes: dict[str, Any], actor: str = "") -> Camera:
    """Change some of CHANGEABLE, and nothing else of the row. ValidationError with a sentence for each bad field, and
    ControlError held for what a running session forbids; then nothing is changed."""
    if unknown := set(changes) - CHANGEABLE:
        raise ValidationError(dict.fromkeys(unknown, "This cannot be changed."))
    locked = _locked(camera)
    if changes.get("host", locked.host) != locked.host or changes.get("enabled") is False:
        _refuse_while_held(locked)
    if changes.get("primary"):
        Camera.objects.present().filter(primary=True).exclude(pk=camera.pk).update(primary=False)
    for field, value in changes.items():
        setattr(locked, field, value)
    _store(locked, set(changes))
    record_event(
        "camera.changed", f"{actor or 'The station'} changed {', '.join(sorted(changes))} of {locked.slug}.",
        camera=locked.slug, actor=actor,
    )  # fmt: skip
    return locked


def _locked(camera: Camera) -> Camera:
    """The row as it is now, until the transaction ends: `camera` was read before, and others may have changed it."""
    return Camera.objects.select_for_update().get(pk=camera.pk)


def _refuse_while_held(camera: Camera) -> None:
    if resolve(PROGRAMMES["session"])(camera):
        raise ControlError(f"A session runs on {camera.slug}. Stop it first.", "held")


def _store(camera: Camera, fields: set[str] | None = None) -> None:
    """All of a new row, or those `fields` of one that is there."""
    if fields and "address" in fields:
        fields = fields | {"sealed"}
    camera.full_clean(exclude=["audience"], validate_constraints=False)
    try:
        with transaction.atomic():
            camera.save(update_fields=fields)
    except IntegrityError:
        raise ValidationError({"slug": f"There is a camera {camera.slug!r} already."}) from None


@transaction.atomic
def remove_camera(camera: Camera, actor: str = "") -> None:
    """Soft: the row stays for its captures, and its host empties the spool. The slug is free again."""
    camera.removed_at = timezone.now()
    camera.enabled = camera.connected = camera.primary = False
    camera.save(update_fields=["removed_at", "enabled", "connected", "primary"])
    record_event("camera.removed", f"{actor or 'The station'} removed {camera.slug}.", camera=camera.slug, actor=actor)


@transaction.atomic
def set_connected(camera: Camera, connected: bool, actor: str = "") -> Camera:
    """Wish the camera connected or not; lasts across restarts. ControlError held while a session runs on it."""
    locked = _locked(camera)
    if not connected:
        _refuse_while_held(locked)
    locked.connected = connected
    locked.enabled = locked.enabled or connected
    locked.save(update_fields=["connected", "enabled"])
    verb = "connected" if connected else "disconnected"
    record_event("command", f"{actor or 'Someone'} {verb} {locked.slug}.", camera=locked.slug, actor=actor)
    return locked


def reconcile(camera: Camera, *, wait_s: float = 10.0) -> dict[str, Any]:
    """Have the host bring the camera to what its row wishes; answers with the status that was reached."""
    return control.ask(camera, "reconcile", wait_s=wait_s)


def set_settings(camera: Camera, values: dict[str, Any], actor: str = "", *, replace: bool = False) -> dict[str, Any]:
    """Store the wished settings and apply them. The answer: `actual`, `read_at`, `warnings`.

    ValidationError for a bad value, and nothing is changed. ControlError when the camera could not be told:
    the settings are stored and will be applied when it opens.
    """
    with transaction.atomic():
        stored = Camera.objects.select_for_update().get(pk=camera.pk).settings
        wished = checked_settings(camera.kind, values if replace else {**stored, **values})
        Camera.objects.filter(pk=camera.pk).update(settings=wished)
        changed = ", ".join(f"{name} to {value}" for name, value in wished.items() if stored.get(name) != value)
        record_event(
            "camera.settings", f"{actor or 'Someone'} set {changed or 'nothing new'} on {camera.slug}.",
            camera=camera.slug, actor=actor, data={"settings": wished},
        )  # fmt: skip
    camera.settings = wished
    return control.ask(camera, "configure", {"settings": wished})


def read_faults(camera: Camera) -> dict[str, Any]:
    """The faults that a simulated camera has now. ValidationError for another one; ControlError."""
    _need_simulated(camera)
    found: dict[str, Any] = control.ask(camera, "faults")["faults"]
    return found


def set_faults(camera: Camera, faults: Faults, actor: str = "") -> dict[str, Any]:
    """These faults and no others from now on; those that are on then. They outlive the camera's process, until they are
    used up or cleared, or its host is started anew. ValidationError for a real camera; ControlError."""
    _need_simulated(camera)
    wanted = faults.on()
    found: dict[str, Any] = control.ask(camera, "faults", {"faults": wanted})["faults"]
    listed = ", ".join(f"{name} ({value})" for name, value in wanted.items())
    did = f"switched on the faults {listed} of" if wanted else "cleared the faults of"
    record_event(
        "camera.faults", f"{actor or 'Someone'} {did} {camera.slug}.", severity="warning" if wanted else "info",
        camera=camera.slug, actor=actor, data={"faults": wanted},
    )  # fmt: skip
    return found


def _need_simulated(camera: Camera) -> None:
    if not driver_class(camera.kind).simulated:
        raise ValidationError(
            f"{camera.slug} is a real camera. Only a simulated one has faults that can be switched on: add one, with "
            "`skycam cameras add NAME --kind simulated`."
        )


def refresh_settings(camera: Camera) -> dict[str, Any]:
    """Ask the camera what it has now: `actual`, `read_at`, `warnings`."""
    return control.ask(camera, "configure", {"settings": {}})
