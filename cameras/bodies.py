"""Cameras as JSON, for the API, the sockets and the command line."""

from __future__ import annotations

from typing import Any, TypedDict

from cameras.audience.service import audience_of
from cameras.drivers.credentials import redact_address
from cameras.models import Camera, desired_connection
from cameras.selectors import cameras_for
from cameras.status.status import Observation, read_observations


class CameraBody(TypedDict):
    """`settings` are the desired ones; `keep` is empty for a camera whose own files are stored; `observed` is what
    its host reports, `since` when it began. `address` and `audience` are null for users who are not managers."""

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
    return _camera_body(camera, user, read_observations([camera])[camera.slug])


def _camera_body(camera: Camera, user: Any, observation: Observation) -> CameraBody:
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
        observed=observation.observed,
        reason=observation.reason,
        since=observation.since,
        identity=camera.identity,
    )


def camera_bodies(user: Any) -> list[CameraBody]:
    """All cameras that `user` may see, in a constant number of queries."""
    cameras = cameras_for(user)
    # The bodies of other users have no audience, so they save the second query.
    listed = list(cameras.prefetch_related("audience") if user.may("manager") else cameras)
    observations = read_observations(listed)
    return [_camera_body(camera, user, observations[camera.slug]) for camera in listed]


class CameraList(TypedDict):
    results: list[CameraBody]
