"""Where cameras stand, and which night it is there. Each host tells its site, which is that of its own configuration
or of the page Settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from cameras.models import Camera, CameraHost
from cameras.selectors import cameras_for
from captures import paths as nights
from core.sky.horizon import Horizon
from core.sky.horizon_text import parse_horizon
from core.sky.intervals import Interval
from core.station_settings import site_config
from core.station_zone import station_zone_name
from scheduler.planning.rules import Site
from scheduler.planning.sky import sky_of_night
from scheduler.schedules.models import Schedule


def sites_of(cameras: Iterable[Camera]) -> dict[UUID, Site]:
    """The site of each camera, by the camera's id. That of a host that was never up is the station's; one that cannot
    be used is unknown."""
    unusable = unusable_sites()
    hosts = {host.name: site_of_host(host) for host in CameraHost.objects.exclude(name__in=unusable)}
    hosts |= dict.fromkeys(unusable, Site())
    return {camera.pk: hosts.get(camera.host) or station_site() for camera in cameras}


def station_site() -> Site:
    """The site of the station's own settings, where no host of a camera tells one."""
    return _site({**site_config().model_dump(), "time_zone": station_zone_name()})


def lacks_site(user: Any) -> bool:
    """Whether a camera that the user may see stands at a site without coordinates; without cameras, whether the station
    has none."""
    sites = sites_of(cameras_for(user)).values()
    return any(site.latitude is None for site in sites) if sites else site_config().latitude is None


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
    """ValueError or TypeError for a site that cannot be used."""
    return _site(host.site)


def _site(told: Mapping[str, Any]) -> Site:
    if (told.get("latitude") is None) != (told.get("longitude") is None):
        raise ValueError("it has only one of latitude and longitude.")
    return Site(
        latitude=told.get("latitude"),
        longitude=told.get("longitude"),
        elevation=told.get("elevation") or 0.0,
        time_zone=told.get("time_zone") or "UTC",
        horizon=Horizon(parse_horizon(told["horizon"])) if told.get("horizon") else Horizon(),
    )


def present_night(schedule: Schedule) -> date:
    """The night at the site of its first camera: the present one, or the coming one by day."""
    return night_at(site_of(schedule), timezone.now())


def night_range_of(schedule: Schedule, night: date) -> Interval:
    return site_of(schedule).night_range(night)


def site_of(schedule: Schedule) -> Site:
    camera = schedule.cameras.order_by("slug").first()
    return sites_of([camera])[camera.pk] if camera else station_site()


def night_at(site: Site, now: datetime) -> date:
    """Named by the date of the evening. After sunrise, or without it from noon on, the coming one; without coordinates
    the calendar day."""
    found = nights.night_of(now, nights.Site(site.latitude, site.longitude, site.time_zone))
    if site.latitude is None:
        return found
    sunrise = sky_of_night(site, found).twilight.sunrise
    return found + timedelta(days=1) if sunrise and now >= sunrise else found
