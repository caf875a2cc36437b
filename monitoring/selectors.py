"""Which events and alerts a user may see: none of cameras that are hidden, and sign-ins only as a manager."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from monitoring.models import Alert, Event
from monitoring.tables import HIDDEN


def hidden_slugs(user: Any) -> set[str]:
    return {slug for path in HIDDEN.values() for slug in import_string(path)(user)}


def events_for(user: Any) -> QuerySet[Event]:
    if not user.is_authenticated or not user.may("viewer"):
        return Event.objects.none()
    events = Event.objects.exclude(camera__in=hidden_slugs(user))
    return events if user.may("manager") else events.exclude(kind__startswith="user.")


def alerts_for(user: Any) -> QuerySet[Alert]:
    if not user.is_authenticated or not user.may("viewer"):
        return Alert.objects.none()
    return Alert.objects.exclude(camera__in=hidden_slugs(user))


def unresolved_keys(beginning: str) -> set[str]:
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    return set(unresolved.filter(key__startswith=beginning).values_list("key", flat=True))
