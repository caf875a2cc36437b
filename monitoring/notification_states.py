"""What a notification is and how far it is. Django-free."""

from __future__ import annotations

from enum import StrEnum


class NotificationState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


NOTIFICATION_TRANSITIONS: dict[NotificationState, frozenset[NotificationState]] = {
    NotificationState.PENDING: frozenset(
        {NotificationState.SENT, NotificationState.FAILED, NotificationState.CANCELLED}
    ),
    NotificationState.SENT: frozenset(),
    NotificationState.FAILED: frozenset(),
    NotificationState.CANCELLED: frozenset(),
}
"""State -> the states that may follow."""


class NotificationKind(StrEnum):
    OPENED = "opened"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    REPORT = "report"
    TEST = "test"
