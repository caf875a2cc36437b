"""What was observed of a list in a night: by all of its sessions, or since one of them started over."""

from __future__ import annotations

from django.db.models import QuerySet

from captures.sessions.models import ACTIVE, Session
from scheduler.field_lists.models import FieldList, Observation
from scheduler.telescope.field_list_file import EarlierObservation
from scheduler.telescope.night import Night
from scheduler.telescope.sky import time_of


def observations_of_night(found: FieldList, night: Night) -> QuerySet[Observation]:
    """In the order of time. A session that should start over, and was refused, changes nothing."""
    begin, end = (time_of(jd) for jd in (night.midnight - 0.5, night.midnight + 0.5))
    restarted = Session.objects.filter(
        created_at__range=(begin, end), programme__kind="telescope", programme__telescope__field_list=str(found.pk),
        programme__telescope__evening=night.date.isoformat(), programme__telescope__start_over=True,
    )  # fmt: skip
    newest = restarted.not_refused().order_by("-created_at").values_list("created_at", flat=True).first()
    return found.observations.filter(observed_at__gte=max(begin, newest or begin), observed_at__lt=end)


def earlier_observations(found: FieldList, night: Night) -> list[EarlierObservation]:
    """With what a session of the night begins: what was observed by sessions that have ended. What another telescope
    observes at present is not a part of it."""
    ended = observations_of_night(found, night).exclude(session__state__in=ACTIVE)
    return [earlier_observation(one) for one in ended]


def earlier_observation(one: Observation) -> EarlierObservation:
    return EarlierObservation(field=one.field_key, jd=one.jd, selection=one.selection, interval_h=one.interval_h)
