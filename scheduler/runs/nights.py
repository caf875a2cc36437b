"""The night that it is, for the cameras of a schedule."""

from __future__ import annotations

from datetime import date

from django.utils import timezone

from captures.paths import night as nights
from scheduler.planning.rules import Site
from scheduler.runs.sites import UNKNOWN, sites_of
from scheduler.schedules.models import Schedule


def present_night(schedule: Schedule) -> date:
    """The night at the site of its first camera: the present one, or the coming one by day."""
    camera = schedule.cameras.order_by("slug").first()
    return night_at(sites_of([camera])[camera.pk] if camera else UNKNOWN)


def night_at(site: Site) -> date:
    """From noon to noon, named by the date of the evening; without a longitude the calendar day."""
    return nights.night_of(timezone.now(), nights.Site(site.latitude, site.longitude, site.time_zone))
