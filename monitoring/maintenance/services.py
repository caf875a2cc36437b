"""What users see of maintenance windows and do with them; old ones are removed. Each change is one transaction with
its event. A window keeps alerts from opening, as a silence of a camera or of the beginnings of keys keeps people from
being told: managers add both, and who has begun a window can end it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from core.events.service import record_event
from core.text.names import person
from core.times.timestamps import stamp
from monitoring.alert_rules.selectors import hidden_slugs, may_view, names_one_of
from monitoring.maintenance.resource import LONGEST_S, WindowRequest
from monitoring.models import MaintenanceWindow

MAX_ENDED = 200


def windows_for(user: Any) -> list[MaintenanceWindow]:
    """All that are not over, and the newest of the others."""
    if not may_view(user):
        return []
    hidden, now = hidden_slugs(user), timezone.now()
    ended = MaintenanceWindow.objects.filter(ends_at__lte=now)[:MAX_ENDED]
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


MAX_WINDOWS = 200
AHEAD = timedelta(days=366)


@transaction.atomic
def add_window(wanted: WindowRequest, actor: str, new_id: UUID | None = None) -> MaintenanceWindow:
    """The window that has `new_id` already is returned unchanged. ValidationError."""
    if new_id is not None and (found := MaintenanceWindow.objects.filter(pk=new_id).first()):
        return found
    now = timezone.now()
    if MaintenanceWindow.objects.filter(ends_at__gt=now).count() >= MAX_WINDOWS:
        raise ValidationError({"subject": f"At most {MAX_WINDOWS} windows can be planned. Remove one first."})
    begins_at = wanted.from_ or now
    window = MaintenanceWindow(
        subject=wanted.subject,
        begins_at=begins_at,
        ends_at=end_of(wanted, begins_at, now),
        reason=wanted.reason,
        created_by=actor,
    )
    if new_id is not None:
        window.pk = new_id
    window.save(force_insert=True)
    record_window("maintenance.added", window, f"{actor} added a maintenance window.", actor)
    return window


def end_of(wanted: WindowRequest, begins_at: datetime, now: datetime) -> datetime:
    """ValidationError."""
    if (wanted.to is None) == (wanted.duration_s is None):
        raise ValidationError({"to": "Write either when the window ends or how long it takes."})
    if begins_at - now > AHEAD:
        raise ValidationError({"from": f"A window begins within {AHEAD.days} days."})
    # Both are bounded, so that no sum is beyond the calendar.
    ends_at = begins_at + timedelta(seconds=wanted.duration_s) if wanted.duration_s is not None else wanted.to
    assert ends_at is not None
    field = "to" if wanted.to is not None else "duration_s"
    if ends_at <= begins_at:
        raise ValidationError({field: "A window ends after its begin."})
    if ends_at <= now:
        raise ValidationError({field: "The window would be over already."})
    if (ends_at - begins_at).total_seconds() > LONGEST_S:
        raise ValidationError({field: f"A window takes at most {LONGEST_S / 86_400:g} days."})
    return ends_at


@transaction.atomic
def end_window(window: MaintenanceWindow, actor: str) -> MaintenanceWindow:
    """End a window that runs. ValidationError if it does not."""
    found = MaintenanceWindow.objects.select_for_update().get(pk=window.pk)
    if not found.running:
        raise ValidationError("The window does not run now. A window that has not begun can be removed.")
    found.ends_at = timezone.now()
    found.save(update_fields=["ends_at"])
    record_window("maintenance.ended", found, f"{actor} ended a maintenance window.", actor)
    return found


@transaction.atomic
def remove_window(window: MaintenanceWindow, actor: str) -> None:
    """A window that runs has no effect from now on. The event keeps what it was."""
    removed, _ = MaintenanceWindow.objects.filter(pk=window.pk).delete()
    if removed:
        record_window("maintenance.removed", window, f"{actor} removed a maintenance window.", actor)


def record_window(kind: str, window: MaintenanceWindow, message: str, actor: str) -> None:
    data: dict[str, Any] = {
        "subject": window.subject,
        "from": stamp(window.begins_at),
        "to": stamp(window.ends_at),
        "reason": window.reason,
    }
    record_event(kind, message, camera=None, subject=window.pk, actor=actor, data=data)


BATCH = 500


def remove_windows() -> int:
    """Remove a batch of windows that ended longer ago than events are kept. Returns the number of rows."""
    days = settings.STATION.monitoring.events_kept_days
    if not days:
        return 0
    old = MaintenanceWindow.objects.filter(ends_at__lt=timezone.now() - timedelta(days=days)).order_by("ends_at")
    return MaintenanceWindow.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]
