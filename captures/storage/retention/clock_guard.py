"""Suspends the rules of age on a host whose clock is too far ahead of the time that was last known there."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from datetime import UTC, date, datetime

from django.db import transaction

from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from captures.storage.retention.clip_rules import age_limits
from captures.storage.retention.known_time import DAY_S, MAX_STEP_S, ClockReading, KnownTime, is_trusted, learn_time
from captures.storage.retention.models import HostClock
from core.events.service import record_event
from core.text.plurals import pluralize
from core.times.kernel_clock import clock_state

STORE_INTERVAL_S = 300.0
"""Seconds between two writes of the known time."""


class ClockNotConfirmed(Exception):
    """The date is not that of the clock; the message says what to do. Nothing was changed."""


def read_clock() -> ClockReading:
    """As the machine shows it, with each step: `CameraClock.moment` leaves out those that nothing has confirmed."""
    return ClockReading(
        Moment(time.time(), boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME)), clock_state() == "synchronised"
    )


class ClockGuard:
    """Reads the clock of this machine, which is `host`."""

    def __init__(self, host: str, read: Callable[[], ClockReading] = read_clock) -> None:
        self.host, self._read = host, read

    def doubt(self) -> str:
        """Why the rules of age are not applied now; empty if they are. DatabaseError."""
        return self._doubt(self._read(), self._known())

    def note_time(self) -> str:
        """The same; stores the time every few minutes while it is trusted."""
        reading, known = self._read(), self._known()
        if found := self._doubt(reading, known):
            return found
        learned = learn_time(reading, known)
        if known is None or _is_news(learned, known):
            self._store(learned)
        return ""

    @transaction.atomic
    def confirm(self, day: date, actor: str) -> None:
        """`actor` confirms that the clock shows the right time: that today is `day` (UTC). ClockNotConfirmed."""
        now = self._read().moment
        if day != (shown := _date(now.wall)):
            raise ClockNotConfirmed(
                f"The clock of {self.host} shows {shown} (UTC), not {day}. If today is {day}, the clock is wrong: set "
                "it first, with `timedatectl set-ntp true` or `timedatectl set-time`."
            )
        self._store(KnownTime(now, MAX_STEP_S, confirmed=True))
        record_event(
            "storage.clock_confirmed", f"{actor} confirmed the clock of {self.host}: {shown} (UTC).", camera=None,
            subject=self.host, actor=actor, data={"date": str(shown)},
        )  # fmt: skip

    def _doubt(self, reading: ClockReading, known: KnownTime | None) -> str:
        if known is None or is_trusted(reading, known):
            return ""
        now = reading.moment
        days, expected = int(known.seconds_ahead(now) // DAY_S), _date(known.wall_at(now))
        # Dates alone: the sentence of an open alert changes once a day.
        after = "the date by its boot clock" if known.at.boot == now.boot else "the last time that was known there"
        return (
            f"The clock of {self.host} shows {_date(now.wall)}, {pluralize(days, 'day')} after {after}, {expected}. No "
            "file is deleted or moved to the trash for its age, and the trash is not emptied, until the clock is "
            "right. If it is right, confirm it on that host: `skycam storage confirm-clock`, with today's date (UTC)."
        )

    def _known(self) -> KnownTime | None:
        row = HostClock.objects.filter(host=self.host).first()
        return KnownTime(Moment(row.at.timestamp(), row.boot, row.boot_s), row.step_s, row.confirmed) if row else None

    def _store(self, known: KnownTime) -> None:
        at, wall = known.at, datetime.fromtimestamp(known.at.wall, UTC)
        values = {"at": wall, "boot": at.boot, "boot_s": at.boot_s, "step_s": known.step_s}
        HostClock.objects.update_or_create(host=self.host, defaults={**values, "confirmed": known.confirmed})


def uses_age(tables: Container[str]) -> bool:
    """Whether a rule of age, or of the time in the trash, is set for one of these tables."""
    return "captures" in tables or any(age_limits().values())


def _is_news(learned: KnownTime, known: KnownTime) -> bool:
    """Whether it is worth a write."""
    if (learned.at.boot, learned.step_s, learned.confirmed) != (known.at.boot, known.step_s, known.confirmed):
        return True
    return learned.at.boot_s - known.at.boot_s >= STORE_INTERVAL_S


def _date(wall: float) -> date:
    return datetime.fromtimestamp(wall, UTC).date()
