"""When, and how fast, a host may send to a destination; read again while it sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from captures.storage.offsite.destinations.port import Interrupted
from captures.storage.offsite.hours import Hours
from captures.storage.offsite.models import Destination
from captures.storage.offsite.token_bucket import TokenBucket
from core.station_zone import station_zone

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
