"""Since when a receiver fails: one row for each, with the column `failing_since`. What waits for it is not asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import Model

from core import database_clock


class Receiver(Protocol):
    """A row of a model: a web-hook, a channel, a destination as one host knows it."""

    pk: Any
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class FailureRule:
    """When a person is told that a receiver fails: after how long, and after how many failures in a row."""

    alert_after: timedelta = timedelta(0)
    alert_after_failures: int = 1

    def note_failure(self, receiver: Receiver, in_a_row: int = 1, **fields: Any) -> timedelta | None:
        """Note the first failure since the last success, and `fields`. `in_a_row`: its failures with this one. How long
        the receiver has failed, once an alert is due; None before."""
        now, since = database_clock.estimate(), receiver.failing_since
        # A time in the future comes from a clock that was set back since.
        since = now if since is None or since > now else since
        if fields or since != receiver.failing_since:
            _update(receiver, failing_since=since, **fields)
        is_due = now - since >= self.alert_after and in_a_row >= self.alert_after_failures
        return now - since if is_due else None

    @staticmethod
    def note_success(receiver: Receiver, **fields: Any) -> bool:
        """Note that it works, and `fields`. Returns whether it had failed: then its alert is over, and what waits for
        it need not wait longer."""
        has_failed = receiver.failing_since is not None
        if fields or has_failed:
            _update(receiver, failing_since=None, **fields)
        return has_failed


def _update(receiver: Receiver, **fields: Any) -> None:
    assert isinstance(receiver, Model)
    type(receiver)._base_manager.filter(pk=receiver.pk).update(**fields)
