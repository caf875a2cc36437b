"""Where cameras stand: each host tells the site of its own configuration."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from cameras.models import Camera, CameraHost
from core.sky.horizon import Horizon
from core.sky.horizon_text import parse_horizon
from scheduler.planning.rules import Site


def sites_of(cameras: Iterable[Camera]) -> dict[UUID, Site]:
    """The site of each camera, by the camera's id. A host that was never up has an unknown one."""
    hosts = {host.name: site_of_host(host) for host in CameraHost.objects.all()}
    return {camera.pk: hosts.get(camera.host, UNKNOWN) for camera in cameras}


def site_of_host(host: CameraHost) -> Site:
    told = host.site
    return Site(
        latitude=told.get("latitude"),
        longitude=told.get("longitude"),
        elevation=told.get("elevation") or 0.0,
        time_zone=told.get("time_zone") or "UTC",
        horizon=Horizon(parse_horizon(told["horizon"])) if told.get("horizon") else Horizon(),
    )


UNKNOWN = Site()
