"""How a host sends to a destination: the connection by its kind, and when, and how fast, it may be used, which is
read again while it sends. The modules of a kind are imported when it is opened: boto3 and paramiko belong in the
process of a job, not in the parts of the station."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from datetime import time as day_time
from uuid import UUID

from django.conf import settings

from captures.storage.offsite.destinations.folder import FolderSender
from captures.storage.offsite.destinations.port import DestinationError, Interrupted, Pace, Sender
from captures.storage.offsite.destinations.settings import (
    FolderSettings,
    S3Secret,
    S3Settings,
    SftpSecret,
    SftpSettings,
)
from captures.storage.offsite.models import Destination, DestinationHost
from core.folders import real_path_inside
from core.secrets import DecryptionFailed
from core.station_zone import station_zone

Open = Callable[[Destination, Pace], Sender]


def open_s3(destination: Destination, pace: Pace) -> Sender:
    from captures.storage.offsite.destinations.s3 import KnownChecksums, S3Sender

    found, secret = destination.typed_settings, destination.typed_secret
    assert isinstance(found, S3Settings)
    assert isinstance(secret, S3Secret)
    hosts = DestinationHost.objects.filter(destination=destination)

    def note_takes_checksums(takes: bool) -> None:
        hosts.update(takes_checksums=takes)

    known = KnownChecksums(
        checks_sha256=hosts.filter(checks_sha256=True).exists(),
        takes_checksums=hosts.exclude(takes_checksums=None).values_list("takes_checksums", flat=True).first(),
        note_takes_checksums=note_takes_checksums,
    )
    return S3Sender(found, secret, settings.STATION.outgoing, pace, known)


def open_sftp(destination: Destination, pace: Pace, *, pin: bool = False) -> Sender:
    from captures.storage.offsite.destinations.sftp import SftpSender

    found, secret = destination.typed_settings, destination.typed_secret
    assert isinstance(found, SftpSettings)
    assert isinstance(secret, SftpSecret)
    key = destination.host_key
    return SftpSender(found, secret, settings.STATION.outgoing, pace, host_key=key, pin=pin)


def open_folder(destination: Destination, pace: Pace) -> Sender:
    found = destination.typed_settings
    assert isinstance(found, FolderSettings)
    return FolderSender(allowed_folder(found.path), str(destination.pk), pace)


def allowed_folder(path: str) -> str:
    """The folder without symbolic links. DestinationError unless the configuration of this host allows it: a user who
    adds destinations could otherwise write into any folder of the machine, and learn which exist."""
    roots = offsite_roots()
    real = real_path_inside(path, roots)
    if real is None:
        raise DestinationError(not_allowed_message(path, roots))
    return real


def offsite_roots() -> list[str]:
    return [str(root) for root in settings.STATION.offsite_roots]


def not_allowed_message(path: str, roots: list[str]) -> str:
    listed = f"only in {', '.join(roots)}" if roots else "in no folder"
    return (
        f"Copies may be {listed} of the host {settings.STATION.host}, not in {path}. Give a folder there, or add its "
        "disk to offsite_roots in the configuration file."
    )


SENDERS: dict[str, Open] = {"s3": open_s3, "sftp": open_sftp, "folder": open_folder}
"""Kind -> how it is opened."""


@contextlib.contextmanager
def opened(destination: Destination, pace: Pace, how: Open | None = None) -> Iterator[Sender]:
    """The connection. DestinationError, also when its secret cannot be read."""
    try:
        sender = (how or SENDERS[destination.kind])(destination, pace)
    except DecryptionFailed as error:
        raise DestinationError(str(error)) from error
    try:
        yield sender
    finally:
        sender.close()


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
