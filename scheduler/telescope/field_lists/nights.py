"""The nights of the station's telescope. Without NumPy: web processes import it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.models import Camera
from captures.sessions.models import Session
from core.times.sun import SET_THE_SITE
from scheduler.runs.sites import sites_of
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.sky import TelescopeSite

MESSAGE_NO_SITE = f"The host {{host}} has no coordinates. {SET_THE_SITE}."
HALF_DAY = timedelta(hours=12)


def station_site() -> TelescopeSite:
    """That of the first camera of a telescope; without one, that of this host. ValidationError without coordinates."""
    camera = Camera.objects.filter(kind="telescope", removed_at=None).order_by("slug").first()
    return site_of_camera(camera or Camera(host=settings.STATION.host))


def site_of_camera(camera: Camera) -> TelescopeSite:
    """That of its host. ValidationError without coordinates."""
    site = sites_of([camera])[camera.pk]
    if site.latitude is None or site.longitude is None:
        raise ValidationError({"site": MESSAGE_NO_SITE.format(host=camera.host)})
    return TelescopeSite(site.latitude, site.longitude, site.elevation)


def evening_of(site: TelescopeSite, now: datetime) -> date:
    """That of the night at `now`, by the mean time of the site: a night is from noon to noon."""
    return (now + timedelta(hours=site.longitude / 15) - HALF_DAY).date()


def night_at(site: TelescopeSite, evening: date) -> Night:
    """ValidationError at the end of the calendar."""
    try:
        return night_of(site, evening)
    except OverflowError:
        raise ValidationError({"evening": "It is at the end of the calendar."}) from None


def night_of_session(session: Session) -> tuple[str, date] | None:
    """The id of its list, and its evening; None for a session of another kind."""
    telescope = session.programme.get("telescope")
    return (telescope["field_list"], date.fromisoformat(telescope["evening"])) if telescope else None
