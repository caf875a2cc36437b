"""How a process takes a row for one attempt: a lease keeps the others from it, and ends if the process is killed."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import uuid6
from django.db.models import Model, Q, QuerySet

from core import database_clock

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
