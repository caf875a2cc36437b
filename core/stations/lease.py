"""Work that exactly one process of the station does: its owner holds a lease in the database, by the database's clock.

A standby takes over at most LEASE_S + TRY_S after its owner has died, and within TRY_S of a clean stop.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import uuid6
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet

from core import database_clock
from core.changes import without_notice
from core.stations.models import StationLease

log = logging.getLogger(__name__)
LEASE_S = 30.0
TRY_S = 10.0
"""Between two renewals, or two tries."""
PERIODIC_TASKS = "periodic-tasks"
ALERT_RULES = "alert-rules"


class StationWork:
    """The right of this process to do the work `name`. Any thread may use it.

    A database in a file belongs to one machine, which has one process for each work: there it is always ours, and
    nothing is written.
    """

    def __init__(self, name: str, now: Callable[[], float] = database_clock.boot_s) -> None:
        self._name, self._now = name, now
        # The random part tells a process from one that had its id before, and from one of a copied machine.
        self.holder = f"{settings.STATION.host}:{os.getpid()}:{uuid6.uuid7().hex[-12:]}"
        self._lock = threading.Lock()
        self._epoch: int | None = None
        self._tried_at, self._valid_until = float("-inf"), float("-inf")

    def is_ours(self) -> bool:
        """Whether this process does the work now; asks the database each TRY_S. While that is away the answer stays
        what it was, until the lease has ended."""
        if not database_clock.is_shared():
            return True
        with self._lock:
            if self._now() - self._tried_at >= TRY_S:
                self._tried_at = self._now()
                try:
                    with without_notice():
                        self._renew_or_acquire()
                except DatabaseError as error:
                    connection.close()  # one that has broken never works again
                    log.warning("Who does the station's %s is unknown: %s", self._name, type(error).__name__)
            return self._now() < self._valid_until

    def release(self) -> None:
        """At a clean stop. An error is logged: the lease ends by itself."""
        with self._lock:
            if self._epoch is None:
                return
            try:
                self._own.update(until=database_clock.now())
            except DatabaseError as error:
                log.info("The lease of the station's %s ends by itself: %s", self._name, type(error).__name__)
            self._epoch, self._valid_until = None, float("-inf")

    @property
    def _own(self) -> QuerySet[StationLease]:
        return StationLease.objects.filter(name=self._name, holder=self.holder, epoch=self._epoch or 0)

    def _renew_or_acquire(self) -> None:
        # Before the statement: the database counts from a later moment.
        asked_at = self._now()
        if self._epoch is not None and not self._own.update(until=_end()):
            log.warning("Another process does the station's %s now.", self._name)
            self._epoch, self._valid_until = None, float("-inf")
        if self._epoch is None:
            self._epoch = self._acquire()
        if self._epoch is not None:
            self._valid_until = asked_at + LEASE_S

    def _acquire(self) -> int | None:
        """The epoch, or None while another process holds the lease. One conditional UPDATE decides."""
        now = database_clock.now()
        free = StationLease.objects.filter(Q(until=None) | Q(until__lte=now), name=self._name)
        values = {"holder": self.holder, "held_since": now, "until": _end(), "epoch": F("epoch") + 1}
        if not free.update(**values) and not (self._add_row() and free.update(**values)):
            return None
        log.info("This process does the station's %s.", self._name)
        return StationLease.objects.get(name=self._name).epoch

    def _add_row(self) -> bool:
        """Whether the work had no row yet."""
        if StationLease.objects.filter(name=self._name).exists():
            return False
        try:
            with transaction.atomic():
                StationLease.objects.create(name=self._name)
        except IntegrityError:
            return False  # another process was quicker
        return True


def _end() -> datetime:
    return database_clock.now() + timedelta(seconds=LEASE_S)
