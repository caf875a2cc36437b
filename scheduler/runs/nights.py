"""The night that it is, for the cameras of a schedule."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone

from captures.paths import night as nights
from core.sky.intervals import Interval
from scheduler.planning.rules import Site
from scheduler.planning.sky import sky_of_night
from scheduler.runs.sites import sites_of, station_site
from scheduler.schedules.models import Schedule


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
