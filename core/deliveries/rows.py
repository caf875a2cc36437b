"""Rows that are attempted until they succeed: the lease by which a process takes one and which ends if the process is
killed, the moves from one state to another, when the next attempt is, in the time of the database, and since when a
receiver fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import uuid6
from django.db.models import Model, Q, QuerySet

from core import database_clock
from core.limits.repeats import RetryDelays

Row = TypeVar("Row", bound=Model)
RELEASED: dict[str, Any] = {"lease_until": None, "worker": ""}
"""The columns of a row that no one has."""
HOLDER = ("worker", "tries")


def worker_name(owner: str) -> str:
    """The name of a worker of this process, at most 120 characters. The random part tells it from one that had its
    process id before."""
    return f"{owner[:60]}:{socket.gethostname()[:30]}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"


def held_rows(row: Row, *columns: str) -> QuerySet[Row]:
    """The row, unless its lease was lost since it was read. `columns` are those that say so."""
    # The tries, too: the same worker may have lost the row and taken it again.
    values = {column: getattr(row, column) for column in columns or HOLDER}
    return type(row)._base_manager.filter(pk=row.pk, **values)


@dataclass(frozen=True, slots=True)
class Lease:
    """Rows with the columns `worker` and `lease_until`. The time is that of the database."""

    length_s: float

    def until(self) -> datetime:
        return database_clock.now() + timedelta(seconds=self.length_s)

    def taken(self, worker: str) -> dict[str, Any]:
        """The columns of a row that `worker` takes."""
        return {"lease_until": self.until(), "worker": worker}

    def is_lost(self) -> Q:
        """Condition for rows whose worker was killed. A lease that is longer than any worker gives has ended, too: the
        clock was set back."""
        now = database_clock.now()
        too_long = Q(lease_until__gt=now + timedelta(seconds=2 * self.length_s))
        return Q(lease_until__isnull=False) & (Q(lease_until__lt=now) | too_long)

    def release_lost(self, rows: QuerySet[Any]) -> int:
        """Release those of `rows` whose attempt was killed, and return their number."""
        lost = rows.filter(self.is_lost())
        # An UPDATE of no row would still wait for SQLite's other writers.
        return lost.update(**RELEASED) if lost.exists() else 0


@dataclass(frozen=True, slots=True)
class Transitions:
    name: str
    """What has the state, with its article."""
    table: Mapping[Any, Collection[Any]]
    """State -> the states that may follow."""
    ended: Collection[Any] = ()
    """The states in which `ended_at` is set; empty for a model without that column."""

    def check(self, before: str, after: str) -> None:
        """ValueError for a move that the table does not have."""
        if after not in self.table[before]:
            raise ValueError(f"{self.name} does not go from {before} to {after}.")

    def move(self, rows: QuerySet[Any], before: str, after: str, **fields: Any) -> int:
        """Move those of `rows` that are in the state `before`, with `fields`, and return their number. ValueError."""
        self.check(before, after)
        if self.ended:
            fields["ended_at"] = database_clock.now() if after in self.ended else None
        # The state is a condition of the UPDATE itself: of two processes that move a row one does.
        return rows.filter(state=before).update(state=after, **fields)


A_DAY = RetryDelays((10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0), longest_s=3600.0, jitter=0.1, max_tries=31)
"""For receivers outside of the station: the first 49 minutes, then each hour until a day has passed."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`tries` and `at` are the columns of the attempts so far, and of the time of the next one."""

    delays: RetryDelays
    tries: str = "tries"
    at: str = "not_before"
    plans_ahead: bool = False
    """Whether the first attempt of a row may be planned for any time."""

    def is_due(self) -> Q:
        """Condition for the time of a row. A time that is further away than any delay comes from a clock that was set
        back since, or from a host whose clock is ahead: it does not hold the row back."""
        now = database_clock.now()
        too_far = Q(**{f"{self.at}__gt": now + timedelta(seconds=self.delays.max_delay_s)})
        if self.plans_ahead:
            too_far &= Q(**{f"{self.tries}__gt": 0})
        return Q(**{f"{self.at}__lte": now}) | too_far

    def is_used_up(self) -> Q:
        """Condition for rows that have had their last attempt."""
        return Q(**{f"{self.tries}__gte": self.delays.max_tries})

    def after(self, tries: int, retry_after_s: float | None = None) -> dict[str, datetime]:
        """The column of a row whose attempt, the `tries`-th, has failed."""
        delay_s = self.delays.delay_s(tries, retry_after_s)
        return {self.at: database_clock.now() + timedelta(seconds=delay_s)}

    def at_once(self) -> dict[str, datetime]:
        """The column of a row that is to be attempted now."""
        return {self.at: database_clock.now()}

    def again(self) -> dict[str, Any]:
        """The columns of a row that a person wants attempted again, as if it were new."""
        return self.at_once() | {self.tries: 0}


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
