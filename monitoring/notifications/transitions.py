"""Moves of notifications out of `pending`: one conditional UPDATE each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from monitoring.models import NotificationDelivery
from monitoring.notification_states import NOTIFICATION_TRANSITIONS, NotificationState


def change_state(rows: QuerySet[NotificationDelivery], after: NotificationState, **fields: Any) -> int:
    """Move those of `rows` that are pending; returns their number. ValueError for a move that the table has not."""
    if after not in NOTIFICATION_TRANSITIONS[NotificationState.PENDING]:
        raise ValueError(f"A notification does not go from pending to {after}.")
    return rows.filter(state=NotificationState.PENDING).update(state=after, ended_at=timezone.now(), **fields)
