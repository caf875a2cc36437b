"""Cameras as JSON, for the API, the sockets and the command line."""

from __future__ import annotations

from typing import Any, TypedDict

from cameras.audience.service import audience_of
from cameras.drivers.credentials import redact_address
from cameras.leases.lease_holders import lease_of
from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.selectors import cameras_for
from cameras.status.status import desired_connection
from monitoring.bodies import stamp, stamp_or_none


class CameraBody(TypedDict):
    """`settings` are the desired ones; `observed` is the last observed state, `since` when it began. `address` and
    `audience` are null for users who are not managers."""

    slug: str
    name: str
    kind: str
    address: str | None
    host: str
    enabled: bool
    connected: bool
    primary: bool
    restricted: bool
    audience: list[str] | None
    settings: dict[str, Any]
    desired: str
    observed: str
    reason: str
    since: str | None
    identity: dict[str, Any]


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


class LeaseBody(TypedDict):
    """The holder of the lease, since when, and when it expires unless renewed; null without a lease."""

    camera: str
    held_by: str | None
    since: str | None
    until: str | None


def lease_body(camera: Camera) -> LeaseBody:
    """From the row as it was read."""
    lease = lease_of(camera)
    if lease is None:
        return LeaseBody(camera=camera.slug, held_by=None, since=None, until=None)
    holder = lease.holder
    return LeaseBody(camera=camera.slug, held_by=holder.held_by, since=stamp(holder.since), until=stamp(lease.until))


def camera_body(camera: Camera, user: Any) -> CameraBody:
    """The camera as `user` may see it."""
    manages = user.may("manager")
    return CameraBody(
        slug=camera.slug,
        name=camera.name,
        kind=camera.kind,
        address=redact_address(camera.address) if manages else None,
        host=camera.host,
        enabled=camera.enabled,
        connected=camera.connected,
        primary=camera.primary,
        restricted=camera.restricted,
        audience=audience_of(camera) if manages else None,
        settings=camera.settings,
        desired=desired_connection(camera),
        observed=camera.observed,
        reason=camera.observed_reason,
        since=stamp_or_none(camera.observed_at),
        identity=camera.identity,
    )


def camera_bodies(user: Any) -> list[CameraBody]:
    """All cameras that `user` may see, in a constant number of queries."""
    cameras = cameras_for(user)
    return [
        camera_body(camera, user)
        for camera in (cameras.prefetch_related("audience") if user.may("manager") else cameras)
    ]


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
    from cameras.validation import settings_schema

    return CapabilitiesBody(
        camera=camera.slug, kind=camera.kind, capabilities=camera.capabilities, settings=settings_schema(camera.kind)
    )
