"""Where cameras stand: each host tells the site of its own configuration."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from cameras.models import Camera, CameraHost
from core.sky.horizon import Horizon
from core.sky.horizon_text import parse_horizon
from scheduler.planning.rules import Site


def sites_of(cameras: Iterable[Camera]) -> dict[UUID, Site]:
    """The site of each camera, by the camera's id. A host that was never up has an unknown one, and so has one whose
    site cannot be used."""
    unusable = unusable_sites()
    hosts = {host.name: site_of_host(host) for host in CameraHost.objects.exclude(name__in=unusable)}
    return {camera.pk: hosts.get(camera.host, UNKNOWN) for camera in cameras}


def unusable_sites() -> dict[str, str]:
    """Name of a host -> why the site that it tells cannot be used, such as a time zone that is not known here."""
    found: dict[str, str] = {}
    for host in CameraHost.objects.all():
        try:
            site_of_host(host)
        except (ValueError, TypeError) as error:
            found[host.name] = f"The site of the host {host.name} cannot be used: {error}"
    return found


def site_of_host(host: CameraHost) -> Site:
    told = host.site
    if (told.get("latitude") is None) != (told.get("longitude") is None):
        raise ValueError("it has only one of latitude and longitude.")
    return Site(
        latitude=told.get("latitude"),
        longitude=told.get("longitude"),
        elevation=told.get("elevation") or 0.0,
        time_zone=told.get("time_zone") or "UTC",
        horizon=Horizon(parse_horizon(told["horizon"])) if told.get("horizon") else Horizon(),
    )


UNKNOWN = Site()
