"""The nights of the station's telescope; what it gets of a field list: its fields, and what was observed of it in a
night, by all sessions or since one of them started over. Without NumPy: web processes import it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from cameras.models import Camera
from captures.sessions.models import ACTIVE, Session
from core.times.sun import SET_THE_SITE
from scheduler.runs.rules import sites_of
from scheduler.telescope.field_lists.models import FieldList, Observation
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.field_lists import EarlierObservation, FieldListContent, load_list
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.sky import TelescopeSite, time_of

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


def content_of(found: FieldList) -> FieldListContent:
    return FieldListContent(str(found.pk), found.name, found.revision, found.text, found.added_text)


def listed_fields(found: FieldList) -> tuple[ListedField, ...]:
    """With those that were added for a night. ValueError when there are too many."""
    return load_list(content_of(found)).fields


def newest_restart(found: FieldList, night: Night) -> Session | None:
    """The newest session of the night that started over. One that was refused changes nothing."""
    restarted = Session.objects.filter(
        created_at__range=_day_of(night), programme__kind="telescope", programme__telescope__field_list=str(found.pk),
        programme__telescope__evening=night.date.isoformat(), programme__telescope__start_over=True,
    )  # fmt: skip
    return restarted.not_refused().order_by("-created_at").first()


def observations_of_night(found: FieldList, night: Night) -> QuerySet[Observation]:
    """In the order of time."""
    begin, end = _day_of(night)
    restart = newest_restart(found, night)
    return found.observations.filter(
        observed_at__gte=max(begin, restart.created_at) if restart else begin, observed_at__lt=end
    )


def _day_of(night: Night) -> tuple[datetime, datetime]:
    return time_of(night.midnight - 0.5), time_of(night.midnight + 0.5)


def earlier_observations(found: FieldList, night: Night) -> list[EarlierObservation]:
    """With what a session of the night begins: what was observed by sessions that have ended. What another telescope
    observes at present is not a part of it."""
    ended = observations_of_night(found, night).exclude(session__state__in=ACTIVE)
    return [earlier_observation(one) for one in ended]


def earlier_observation(one: Observation) -> EarlierObservation:
    return EarlierObservation(field=one.field_key, jd=one.jd, selection=one.selection, interval_h=one.interval_h)
