"""What was observed of a list in a night: by all of its sessions, or since one of them started over."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from captures.sessions.models import ACTIVE, Session
from scheduler.telescope.field_lists.models import FieldList, Observation
from scheduler.telescope.night.field_list_file import EarlierObservation
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.sky import time_of


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
