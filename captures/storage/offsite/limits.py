"""When, and how fast, a host may send to a destination; read again while it sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from datetime import time as day_time
from uuid import UUID

from captures.storage.offsite.destinations.port import Interrupted
from captures.storage.offsite.models import Destination
from core.station_zone import station_zone


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begin` until before `end`; over midnight if `end` is the earlier one; always if both are equal or None."""

    begin: day_time | None
    end: day_time | None

    def are_open(self, local: datetime) -> bool:
        """`local` is the time that the site's clock shows."""
        if self.begin is None or self.end is None or self.begin == self.end:
            return True
        now = local.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


BURST_S = 0.25
"""Seconds of the rate that may pass at once."""


class TokenBucket:
    """Bytes at `rate` per second; None is no limit. The rate may change at any time. For one thread."""

    def __init__(self, rate: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self._clock = rate, clock
        self._debt, self._at = 0.0, clock()

    def take_bytes(self, count: int) -> float:
        """Let `count` bytes pass. Returns how many seconds the caller has to wait after them."""
        now = self._clock()
        if self.rate is None:
            self._debt, self._at = 0.0, now
            return 0.0
        # The debt may be below zero by a burst: the credit of a pause is limited to it.
        self._debt = max(self._debt - (now - self._at) * self.rate, -BURST_S * self.rate) + count
        self._at = now
        return max(0.0, self._debt / self.rate)


READ_S = 1.0
"""Seconds between two looks at the row, within a file as well."""
NAP_S = 0.2


def site_time() -> datetime:
    """The time that the site's clock shows."""
    return datetime.now(station_zone())


def closed_reason(destination: Destination | None) -> str:
    """Why nothing is sent now; empty if it may be."""
    if destination is None:
        return "The destination was removed."
    if not destination.enabled:
        return "The destination is paused."
    if not Hours(destination.begin, destination.end).are_open(site_time()):
        return "It is outside of the hours of the destination."
    return ""


class RowPace:
    """The `Pace` of a destination's row. `should_stop` says why the work is to stop for another reason; empty if not.
    One token bucket for all files of the process, which is the only one of its host that sends there."""

    def __init__(self, destination: UUID, should_stop: Callable[[], str]) -> None:
        self._destination, self._should_stop = destination, should_stop
        self._bucket = TokenBucket()
        self._read_at = float("-inf")

    def take_bytes(self, count: int) -> None:
        self.check()
        wait_s = self._bucket.take_bytes(count)
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, NAP_S))
            rate = self._bucket.rate
            self.check()
            # A limit that was lifted or raised meanwhile holds from now on.
            if self._bucket.rate != rate:
                until = time.monotonic() + self._bucket.take_bytes(0)

    def check(self) -> None:
        """Interrupted."""
        if time.monotonic() - self._read_at < READ_S:
            return
        self._read_at = time.monotonic()
        found = Destination.objects.filter(pk=self._destination).first()
        if reason := closed_reason(found) or self._should_stop():
            raise Interrupted(reason)
        assert found is not None
        self._bucket.rate = found.bytes_per_s


class NoPace:
    """Without a limit: for a probe, and for files that are fetched back."""

    def take_bytes(self, count: int) -> None:
        return None
