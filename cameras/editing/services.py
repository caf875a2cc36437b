"""Add, change and remove cameras, and move them off a host that is gone, with neither a lease in the database nor a
heartbeat. Each change is one transaction with its event. CAMERA_CONFIG limits and presets new ones. A camera with a
session is moved only then, and only when a person confirms that the machine is off. A host that still runs but
reaches neither database nor broker keeps running its cameras, by design."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

import uuid6
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras import audience, leases
from cameras.command_events import DONE, command_data, record_refusals
from cameras.drivers import DRIVERS, driver_class
from cameras.leases import LeaseHolder, SessionRunning, lease_of, session_holders
from cameras.models import Camera, CameraHost
from cameras.resource import FREE, CameraChange, CameraNew
from cameras.tables import LEASE_HOLDERS
from cameras.validation import checked_settings
from core import database_clock
from core.broker import broker
from core.events.service import record_event
from core.registry import resolve
from core.station_settings import camera_config
from core.text.names import person
from core.text.sentences import Sentence, sentence


@transaction.atomic
def add_camera(wanted: CameraNew, actor: str = "", new_id: UUID | None = None) -> Camera:
    """Add a camera on `host` (by default this one). `new_id` becomes the id of its row; a camera that has this id
    already is returned as it is. ValidationError with a sentence for each bad field, or when the station already has
    `max_cameras`."""
    if new_id and (added := Camera.objects.filter(pk=new_id).first()):
        return added
    check_kind(wanted.kind)
    check_camera_limit()
    camera = Camera(id=new_id or uuid6.uuid7(), **wanted.model_dump(exclude=audience.FIELDS))
    camera.name = wanted.name or wanted.slug
    camera.address = address_of_its_own(wanted.kind, wanted.slug, wanted.address)
    camera.host = wanted.host or settings.STATION.host
    camera.settings = with_default_settings(wanted.kind, wanted.settings)
    if not wanted.primary and not Camera.objects.present().filter(primary=True).exists():
        # The first camera becomes primary, so that the seed's routes (`/api/camera/...`) work without further steps.
        camera.primary = True
    if wanted.primary:
        # Before the row is saved: the database checks `at_most_one_primary_camera` at each statement.
        Camera.objects.present().filter(primary=True).update(primary=False)
    _save_camera(camera)
    record_event(
        "camera.added",
        sentence("{who} added {camera} ({kind}).", who=actor or "The station", camera=camera, kind=camera.kind),
        camera=camera,
        actor=actor,
        data=command_data(
            "add", {"kind": camera.kind, **_event_arguments(camera, {"address", "host", "settings", "primary"})}, DONE
        ),
    )
    seen_by = {name: value for name, value in wanted.given().items() if name in audience.FIELDS}
    audience.change_audience(camera, seen_by, actor)
    return camera


def _event_arguments(camera: Camera, names: Iterable[str]) -> dict[str, Any]:
    """The fields as the row has them: addresses are redacted."""
    return {name: getattr(camera, name) for name in sorted(names)}


def change_camera(camera: Camera, wanted: CameraChange, actor: str = "") -> Camera:
    """Change the fields that are given, and nothing else of the row. ValidationError with a sentence for each bad
    field, LeaseHeld, SessionRunning, Camera.DoesNotExist when it has been removed meanwhile; then nothing is changed.

    `host_is_gone` confirms that the camera's machine is off; its session ends then. HostAlive when the host still
    answers, BrokerDown when that is unknown.
    """
    changes = wanted.given()
    host_is_gone = changes.pop("host_is_gone", False)
    # For the event of a refusal: a new address may contain a password, and the audience names users for managers only.
    arguments = {name: value for name, value in changes.items() if name not in {"address", "audience"}}
    with record_refusals(camera, "change", actor, arguments), transaction.atomic():
        return _apply_changes(_lock_camera(camera), changes, actor, host_is_gone)


def _apply_changes(locked: Camera, changes: dict[str, Any], actor: str, host_is_gone: bool) -> Camera:
    moves = changes.get("host", locked.host) != locked.host
    gone = host_is_gone and moves
    if moves and not gone:
        # Before `check_holder`, which would only name the user of the session, who cannot stop it while its host is
        # gone.
        check_host(locked)
    if gone:
        # Only the lease: the session on the lost host, which would hold the camera, is ended by this change.
        check_lease(locked, actor)
    elif set(changes) - FREE:
        leases.check_holder(locked, actor)
    row = {name: value for name, value in changes.items() if name not in audience.FIELDS}
    # A change of the audience alone leaves the row, and the process that depends on it, untouched.
    if row:
        _change_row(locked, row, actor, gone)
    if len(row) < len(changes):
        audience.change_audience(locked, changes, actor)
    return locked


def _change_row(locked: Camera, changes: dict[str, Any], actor: str, host_is_gone: bool) -> None:
    # Taken before the fields are set; compared after the save, which brings the address to its normal form.
    before, host = _process_location(locked), locked.host
    if changes.get("primary"):
        Camera.objects.present().filter(primary=True).exclude(pk=locked.pk).update(primary=False)
    for field, value in changes.items():
        setattr(locked, field, value)
    _save_camera(locked, set(changes))
    if host_is_gone:
        end_session(locked, host)
    if _process_location(locked) != before or changes.get("enabled") is False:
        # After the save: the error rolls it back.
        leases.check_no_session(locked)
    message = sentence(
        "{who} changed {what} of {camera}.", who=actor or "The station", what=", ".join(sorted(changes)), camera=locked
    )
    data = command_data("change", _event_arguments(locked, changes), DONE)
    record_event("camera.changed", message, camera=locked, actor=actor, data=data)


def _process_location(camera: Camera) -> tuple[str, str]:
    """Host and address, from a validated row, so that another spelling of the same address is not a change."""
    return camera.host, camera.full_address


def _lock_camera(camera: Camera) -> Camera:
    """The present row, locked until the transaction ends, because `camera` may be out of date. Camera.DoesNotExist."""
    return Camera.objects.present().select_for_update().get(pk=camera.pk)


def _save_camera(camera: Camera, fields: set[str] | None = None) -> None:
    """Save a new row, or `fields` of an existing one."""
    if fields and "address" in fields:
        # `clean` moves the secrets of a new address to this column.
        fields = fields | {"encrypted_address"}
    # Constraints are left to the database: a query could not exclude a second request of the same moment.
    camera.full_clean(exclude=["audience"], validate_constraints=False)
    try:
        # A savepoint: after an IntegrityError PostgreSQL refuses every statement until a rollback.
        with transaction.atomic():
            camera.save(update_fields=fields)
    except IntegrityError as error:
        # Only on PostgreSQL, which names the constraint: SQLite lets one change begin at a time.
        if "at_most_one_primary_camera" in str(error):
            message = "Another camera was made primary at the same moment. Try again."
            raise ValidationError({"primary": message}) from None
        raise ValidationError({"slug": f"There is a camera {camera.slug!r} already."}) from None


def remove_camera(camera: Camera, actor: str = "") -> None:
    """Soft delete: the row stays for its captures, and its host empties the spool. The slug is free again. LeaseHeld,
    SessionRunning, Camera.DoesNotExist when it has been removed meanwhile."""
    with record_refusals(camera, "remove", actor), transaction.atomic():
        locked = leases.lock_as_holder(camera, actor)
        leases.check_no_session(locked)
        _remove(camera, actor)


def _remove(camera: Camera, actor: str) -> None:
    camera.removed_at = timezone.now()
    camera.enabled = camera.connected = camera.primary = False
    camera.save(update_fields=["removed_at", "enabled", "connected", "primary"])
    message = sentence("{who} removed {camera}.", who=actor or "The station", camera=camera)
    record_event("camera.removed", message, camera=camera, actor=actor, data=command_data("remove", {}, DONE))


def check_kind(kind: str) -> None:
    """ValidationError for an unknown kind: without its driver nothing else can be checked."""
    if kind not in DRIVERS:
        raise ValidationError({"kind": f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}."})


def check_camera_limit() -> None:
    """ValidationError when the station already has `max_cameras`."""
    most = camera_config().max_cameras
    if Camera.objects.present().count() >= most:
        raise ValidationError(
            f"The station has as many cameras as max_cameras allows ({most}). Remove one, or raise max_cameras on the "
            "page Settings or by CAMERA_CONFIG__MAX_CAMERAS."
        )


def with_default_settings(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """The settings with the station's default frame rate and picture size, where the kind has these settings and none
    are given. A default that the kind refuses is left out."""
    config, known = camera_config(), driver_class(kind).settings_model.model_fields
    for default in (fps_setting(config.default_fps), size_settings(config.default_resolution)):
        # A size is set as a whole: a given width is not combined with the default height.
        if default and set(default) <= set(known) and not set(default) & set(values):
            values = allowed_or_none(kind, {**values, **default}) or values
    return values


def fps_setting(fps: float | None) -> dict[str, Any]:
    return {} if fps is None else {"fps": fps}


def size_settings(resolution: str | None) -> dict[str, Any]:
    """Of `1280x1024`."""
    if resolution is None:
        return {}
    width, _, height = resolution.partition("x")
    return {"width": int(width), "height": int(height)}


def allowed_or_none(kind: str, values: dict[str, Any]) -> dict[str, Any] | None:
    try:
        checked_settings(kind, values)
    except ValidationError:
        return None
    return values


def address_of_its_own(kind: str, slug: str, address: str) -> str:
    """The address gives a simulated camera its serial number: a further one without an address gets its id as one."""
    if address or not driver_class(kind).simulated:
        return address
    return slug if Camera.objects.present().filter(kind=kind, address="").exists() else ""


class HostGone(SessionRunning):
    """The camera's host is gone, and a session ran there."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def with_time(self, since: str) -> Sentence:
        camera = self.holder.camera
        return sentence(
            "A session ran on {camera} when its host {host} last answered. If that machine is off, confirm it with "
            "`skycam cameras set {slug} --host ... --host-is-gone`, or `host_is_gone` in the API: then the session "
            "ends, and the camera is moved.",
            camera=camera, host=self.host, slug=camera.slug,
        )  # fmt: skip


class HostAlive(SessionRunning):
    """The host was declared gone, but it still answers."""

    def __init__(self, holder: LeaseHolder, host: str) -> None:
        self.host = host
        super().__init__(holder)

    def with_time(self, since: str) -> Sentence:
        return sentence(
            "The host {host} answered within the last minute: it is not gone. Stop its session on {camera}.",
            host=self.host, camera=self.holder.camera,
        )  # fmt: skip


def is_host_gone(host: str) -> bool:
    """Whether the host has neither heartbeat nor lease. BrokerDown when that is unknown."""
    with broker.reachable() as server:
        beats = bool(server.exists(broker.key("host", host)))
    # Both must be missing: a host without broker has no heartbeat, one without database renews no lease, and either
    # still runs its cameras.
    return not beats and not CameraHost.objects.filter(name=host, leased_until__gte=database_clock.now()).exists()


def check_host(camera: Camera) -> None:
    """HostGone when a session runs on the camera and its host is gone. Passes when the broker is away."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    # Without a broker the host may be alive: then the running session refuses the change as usual.
    with suppress(broker.BrokerDown):
        if is_host_gone(camera.host):
            raise HostGone(holder, camera.host)


def check_lease(camera: Camera, actor: str) -> None:
    """LeaseHeld when another user has taken the camera. A session on a host that is gone does not hold it."""
    lease = lease_of(camera)
    if lease is not None and lease.holder.held_by != person(actor):
        raise leases.LeaseHeld(lease.holder)


def end_session(camera: Camera, host: str) -> None:
    """End the session of a camera that was moved away from `host`. HostAlive; BrokerDown when that is unknown."""
    holder = session_holders([camera]).get(camera.pk)
    if holder is None:
        return
    if not is_host_gone(host):
        raise HostAlive(holder, host)
    # In the caller's transaction: a session ends if and only if its camera is moved.
    resolve(LEASE_HOLDERS["end"])(camera, host)
