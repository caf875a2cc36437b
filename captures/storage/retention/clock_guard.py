"""Whether the clock of a host may decide that a file is too old. A clock that is set ahead makes every file old at
once, and the kernel also calls a clock synchronised whose server lies. So the clock may not be further ahead than the
time that was last known allows: by the boot clock within one boot, and by the days that a machine may have been off
after another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import transaction

from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from captures.storage.retention.clip_rules import age_limits
from captures.storage.retention.models import HostClock
from core.events.service import record_event
from core.text.sentences import pluralize
from core.times.clocks import clock_state

DAY_S = 86_400.0
MAX_STEP_S = DAY_S
"""How far a clock that was synchronised in this boot may be set ahead."""
MAX_OFF_S = 30 * DAY_S
"""How long a machine may have been off before a person has to confirm its clock."""


class ClockReading(NamedTuple):
    """What the clocks of a machine show. `synchronised`: by the kernel."""

    moment: Moment
    synchronised: bool


class KnownTime(NamedTuple):
    """A time at which the clock of a host was trusted."""

    at: Moment
    step_s: float
    """How far ahead of it the clock may be set within the same boot: a machine without a battery learns only from its
    time server how long it was off."""
    confirmed: bool
    """Whether the kernel or a person has ever confirmed the time."""

    def wall_at(self, now: Moment) -> float:
        """What the wall clock should show: at least, if the machine has started since."""
        return self.at.at_boot_s(now.boot_s).wall if self.at.boot == now.boot else self.at.wall

    def seconds_ahead(self, now: Moment) -> float:
        return now.wall - self.wall_at(now)


def is_trusted(reading: ClockReading, known: KnownTime | None) -> bool:
    """True also for a clock that is behind: files are only kept for longer then."""
    # The first synchronisation of a new machine corrects whatever its clock showed before.
    if known is None or (reading.synchronised and not known.confirmed):
        return True
    now = reading.moment
    return known.seconds_ahead(now) <= (known.step_s if known.at.boot == now.boot else MAX_OFF_S)


def learn_time(reading: ClockReading, known: KnownTime | None) -> KnownTime:
    """What is known after a reading that is trusted."""
    now = reading.moment
    if reading.synchronised:
        return KnownTime(now, MAX_STEP_S, confirmed=True)
    if known is None:
        return KnownTime(now, MAX_OFF_S, confirmed=False)
    # Not the wall clock: steps that are small enough would add up.
    if known.at.boot == now.boot:
        return known._replace(at=known.at.at_boot_s(now.boot_s))
    # What this clock has already advanced of the time that the machine may have been off.
    used = max(0.0, known.seconds_ahead(now))
    return KnownTime(
        Moment(known.at.wall + used, now.boot, now.boot_s), max(MAX_STEP_S, MAX_OFF_S - used), known.confirmed
    )


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
