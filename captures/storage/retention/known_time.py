"""Whether the clock of a host may decide that a file is too old. Pure: `clock_guard.py` stores what
is known.

A clock that is set ahead makes every file old at once, and the kernel also calls a clock synchronised whose server
lies. So the clock may not be further ahead than the time that was last known allows: by the boot clock within one boot,
and by the days that a machine may have been off after another one."""

from __future__ import annotations

from typing import NamedTuple

from cameras.spool.moments import Moment

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
