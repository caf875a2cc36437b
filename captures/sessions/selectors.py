"""The sessions that a user may see, and the one that is active on a camera."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cameras.models import Camera
from cameras.visibility import visible_to
from captures.sessions.models import Session


def sessions_for(user: Any) -> QuerySet[Session]:
    return visible_to(Session.objects.select_related("camera").prefetch_related("gaps"), user)


def active_session(camera: Camera) -> Session | None:
    return Session.objects.active().filter(camera=camera).first()
