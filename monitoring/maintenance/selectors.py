"""Maintenance windows, as a user may see them: a pattern may name a hidden camera."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from core.text.names import person
from monitoring.alert_rules.selectors import hidden_slugs, may_view, names_one_of
from monitoring.models import MaintenanceWindow

WINDOWS = 200


def windows_for(user: Any) -> list[MaintenanceWindow]:
    """All that are not over, and the newest of the others."""
    if not may_view(user):
        return []
    hidden, now = hidden_slugs(user), timezone.now()
    ended = MaintenanceWindow.objects.filter(ends_at__lte=now)[:WINDOWS]
    found = [*MaintenanceWindow.objects.filter(ends_at__gt=now), *ended]
    return [window for window in found if is_visible(window, user, hidden)]


def window_for(user: Any, window: UUID) -> MaintenanceWindow:
    """MaintenanceWindow.DoesNotExist."""
    found = MaintenanceWindow.objects.get(pk=window)
    if not may_view(user) or not is_visible(found, user, hidden_slugs(user)):
        raise MaintenanceWindow.DoesNotExist
    return found


def is_visible(window: MaintenanceWindow, user: Any, hidden: set[str]) -> bool:
    """Its subject names no hidden camera, or the user has written it: who has begun a window can end it."""
    return not names_one_of(window.subject, hidden) or person(window.created_by) == user.get_username()
