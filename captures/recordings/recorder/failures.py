"""What makes recording fail, in words, and when it is tried again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple

from cameras.runtime.spec import Recording
from cameras.spool.durable import LockLost
from cameras.spool.full_disk import describe_disk_error, disk_reason
from cameras.spool.storage import RootMissing, SpoolLocked, separate_file_systems_message

STORAGE_ERRORS = (RootMissing, SpoolLocked, LockLost, OSError)


class Failure(NamedTuple):
    reason: str
    """One of disk_full, write_error, root_missing, camera_error."""
    message: str


def describe_error(error: Exception, path: str) -> Failure:
    """`path` is the root of the clips."""
    if isinstance(error, RootMissing):
        return Failure("root_missing", str(error))
    # A bind mount or a disk over `clips/` alone: links from the spool fail, whatever space is free.
    if isinstance(error, OSError) and error.errno == errno.EXDEV:
        return Failure("write_error", separate_file_systems_message(path, "clips"))
    if not isinstance(error, STORAGE_ERRORS):
        return Failure("camera_error", f"The recorder failed ({type(error).__name__}: {error}).")
    # Without the path in the spool, which tells a user nothing.
    if isinstance(error, OSError):
        return Failure(disk_reason(error), describe_disk_error(error, path))
    return Failure("write_error", f"Writing to {path} failed: {error}.")


def describe_hang(path: str, seconds: float) -> Failure:
    message = f"The disk of {path} has not answered for {seconds:g} s. Recording continues when it does."
    return Failure("write_error", message)


def describe_floor(desired: Recording, path: str) -> Failure:
    """The free space is below the floor."""
    floor = floor_of(desired)
    shortage = f"The disk of {path} has less than {floor / 1e9:g} GB left. Free some space"
    # The soft floor applies: the cleanup raises it for rolling clips while it finds none to delete.
    if floor > desired["floor_bytes"]:
        why = "No clip on it can be deleted: there is none, or they are pinned or held."
        return Failure("disk_full", f"{shortage}, or lower camera_config.soft_floor_gb. {why}")
    return Failure("disk_full", f"{shortage}.")


def floor_of(desired: Recording) -> int:
    """How many bytes have to be free."""
    floor = desired["floor_bytes"]
    # A clip of an experiment is held: the cleanup, which raises the floor for rolling clips, does not delete it.
    is_kept = desired["kind"] != "rolling" or bool(desired.get("experiments"))
    return floor if is_kept else desired.get("rolling_floor_bytes", floor)


RETRY_S = 1.0
MAX_RETRY_S = 30.0


class RetryDelay:
    """A disk may be back at once, so it is retried every second. An encoder that fails at once fails again, and each
    try begins a clip on the disk: its delay doubles up to MAX_RETRY_S."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def next_s(self, reason: str, wrote_s: float) -> float:
        """Seconds until the next try; `wrote_s` is how long the clip was before it failed."""
        # An encoder that worked longer than its last delay does not fail at once: it is retried soon.
        again = reason == "camera_error" and wrote_s < self._last_s
        self._last_s = min(2 * self._last_s, MAX_RETRY_S) if again else RETRY_S
        return self._last_s


class RetryTimer:
    """Until when neither a clip nor the root is opened again. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._delay = clock, RetryDelay()
        self._not_before = 0.0

    @property
    def is_due(self) -> bool:
        return self._clock() >= self._not_before

    def start(self, failure: Failure, wrote_s: float) -> None:
        """A clip failed after `wrote_s` seconds."""
        self._not_before = self._clock() + self._delay.next_s(failure.reason, wrote_s)

    def start_for_root(self) -> None:
        """The root cannot be opened."""
        self._not_before = self._clock() + RETRY_S

    def end(self) -> None:
        """Try at once."""
        self._not_before = 0.0
