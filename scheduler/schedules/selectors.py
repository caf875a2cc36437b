"""The schedules that a user may see: those of which every camera is visible to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from cameras.selectors import hidden_cameras
from scheduler.schedules.models import Schedule


def schedules_for(user: Any) -> QuerySet[Schedule]:
    schedules = Schedule.objects.prefetch_related("cameras", "changes")
    if not (user.is_authenticated and user.may("viewer")):
        return schedules.none()
    hidden = [camera.pk for camera in hidden_cameras(user)]
    return schedules.exclude(cameras__in=hidden) if hidden else schedules


def schedule_for(user: Any, schedule: UUID) -> Schedule:
    """Schedule.DoesNotExist also for one with a camera that the user may not see."""
    return schedules_for(user).get(pk=schedule)
