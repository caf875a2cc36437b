"""What a telescope gets of a field list: its fields, and what was observed of it in a night, by all sessions or since
one of them started over. Without NumPy: web processes import it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from captures.sessions.models import ACTIVE, Session
from scheduler.telescope.field_lists.models import FieldList, Observation
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.field_lists import EarlierObservation, FieldListContent, load_list
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.sky import time_of


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
