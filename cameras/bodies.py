"""Cameras as JSON, for API, sockets and command line alike."""

from __future__ import annotations

from typing import Any, TypedDict

from cameras.audience import audience_of
from cameras.drivers.credentials import shown
from cameras.leases import lease_of
from cameras.models import Camera
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.selectors import cameras_for
from cameras.status import desired
from monitoring.bodies import stamp, stamp_or_none


class CameraBody(TypedDict):
    """`settings` is what is wished for; `observed` is what was last seen, `since` when it began. `address` and
    `audience` are for managers: null for others."""

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
    """`desired` is the row's wish, `actual` what the camera had when it was read back at `read_at`; `differs` is what
    of the wish was changed on its body since it took it."""

    camera: str
    desired: dict[str, Any]
    actual: dict[str, Any]
    read_at: str | None
    warnings: list[str]
    differs: list[Difference]


class CapabilitiesBody(TypedDict):
    """`capabilities` as the camera gave them when it was opened last; `settings` is their JSON schema."""

    camera: str
    kind: str
    capabilities: dict[str, Any]
    settings: dict[str, Any]


class LeaseBody(TypedDict):
    """Who has taken the camera, since when, and when that runs out unless it is renewed; null where nobody has."""

    camera: str
    held_by: str | None
    since: str | None
    until: str | None


def lease_body(camera: Camera) -> LeaseBody:
    """By the row as it was read."""
    lease = lease_of(camera)
    if lease is None:
        return LeaseBody(camera=camera.slug, held_by=None, since=None, until=None)
    holder = lease.holder
    return LeaseBody(camera=camera.slug, held_by=holder.held_by, since=stamp(holder.since), until=stamp(lease.until))


def camera_body(camera: Camera, user: Any) -> CameraBody:
    """As `user` may see it."""
    manages = user.may("manager")
    return CameraBody(
        slug=camera.slug,
        name=camera.name,
        kind=camera.kind,
        address=shown(camera.address) if manages else None,
        host=camera.host,
        enabled=camera.enabled,
        connected=camera.connected,
        primary=camera.primary,
        restricted=camera.restricted,
        audience=audience_of(camera) if manages else None,
        settings=camera.settings,
        desired=desired(camera),
        observed=camera.observed,
        reason=camera.observed_reason,
        since=stamp_or_none(camera.observed_at),
        identity=camera.identity,
    )


def camera_bodies(user: Any) -> list[CameraBody]:
    """Of all cameras that `user` may see, in a constant number of queries."""
    cameras = cameras_for(user)
    return [
        camera_body(camera, user)
        for camera in (cameras.prefetch_related("audience") if user.may("manager") else cameras)
    ]


def settings_body(camera: Camera, answer: dict[str, Any] | None = None) -> SettingsBody:
    """From the camera's own `answer` to a command, else from what was read back last."""
    answer = answer or {}
    return SettingsBody(
        camera=camera.slug,
        desired=camera.settings,
        actual=answer.get("actual", camera.read_back),
        read_at=answer.get("read_at") or stamp_or_none(camera.read_at),
        warnings=answer.get("warnings", []),
        differs=still_desired(answer.get("differs", camera.differs), camera.settings),
    )


def capabilities_body(camera: Camera) -> CapabilitiesBody:
    from cameras.validation import settings_schema

    return CapabilitiesBody(
        camera=camera.slug, kind=camera.kind, capabilities=camera.capabilities, settings=settings_schema(camera.kind)
    )
