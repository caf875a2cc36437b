"""Cameras as JSON, for the API, the sockets and the command line."""

from __future__ import annotations

from typing import Any, TypedDict

from cameras.audience.service import audience_of
from cameras.drivers.credentials import redact_address
from cameras.models import Camera, desired_connection
from cameras.selectors import cameras_for
from core.times.timestamps import stamp_or_none


class CameraBody(TypedDict):
    """`settings` are the desired ones; `keep` is empty for a camera whose own files are stored; `observed` is the last
    observed state, `since` when it began. `address` and `audience` are null for users who are not managers."""

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
    keep: list[str]
    fits_compression: str
    desired: str
    observed: str
    reason: str
    since: str | None
    identity: dict[str, Any]


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
        keep=camera.kept_formats,
        fits_compression=camera.fits_compression,
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
        # The bodies of other users have no audience, so they save the second query.
        camera_body(camera, user)
        for camera in (cameras.prefetch_related("audience") if user.may("manager") else cameras)
    ]


class CameraList(TypedDict):
    results: list[CameraBody]
