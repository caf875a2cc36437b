"""The root of new clips: opened, recovered, and checked for free space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from cameras.runtime.spec import Recording
from cameras.spool.recovery import DecidedOutcome, remove_temporaries
from cameras.spool.storage import Storage
from captures.recordings.recorder.failures import STORAGE_ERRORS, RetryTimer, floor_of
from captures.recordings.recorder.recovery import unfinished_clips


class Recoverer(Protocol):
    def recover_clips(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> None:
        """Recover clips that an earlier owner of the spool left. Does not wait for it."""

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is written any more; False after `timeout` seconds."""


class RootError:
    """Why the root cannot be written to. Any thread reports it; the recorder's thread then closes the root and clears
    the error."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def report(self, error: Exception) -> None:
        self.error = error

    def clear(self) -> None:
        self.error = None


class ClipRoot:
    """Used by the recorder's thread alone. `decided` is why the clips of the previous process were cut off, if that is
    known; `close_s` is in seconds."""

    def __init__(
        self,
        path: str,
        open_storage: Callable[[], Storage],
        retry: RetryTimer,
        recoverer: Recoverer,
        on_opened: Callable[[], None],
        decided: DecidedOutcome | None,
        close_s: float,
    ) -> None:
        self.path = path
        self._open_storage, self._retry, self._recoverer = open_storage, retry, recoverer
        self._on_opened, self._decided, self._close_s = on_opened, decided, close_s
        self.storage: Storage | None = None

    def open_if_due(self) -> None:
        """Open a closed root, and recover the clips in its spool beside the new recording. STORAGE_ERRORS: it is closed
        again, and tried after the retry delay."""
        if self.storage is not None or not self._retry.is_due:
            return
        try:
            self.storage = self._open_storage()
            # Before the first clip: one that cannot be linked into the archive (EXDEV) would be noticed only at its
            # end.
            self.storage.check_links_into("clips")
            # In this order: slots that have become records are removed, and then replaced by new ones.
            remove_temporaries(self.storage.spool)
            self.storage.spool.refill_slots()
            # Listed before a new clip begins: the recovery must never truncate the file that is being written.
            clips = unfinished_clips(self.storage.spool)
        except STORAGE_ERRORS:
            self.close()
            self._retry.start_for_root()
            raise
        self._on_opened()
        self._recoverer.recover_clips(self.storage, clips, self._decided)
        # It explains how the previous process ended. Clips of a root that is reopened were cut off by this one.
        self._decided = None

    def close(self) -> None:
        """Clips that are not finalized within `close_s` are left to the next recovery."""
        # Bounded, as a disk that hangs never lets the queue become empty.
        self._recoverer.drain(self._close_s)
        if self.storage is not None:
            self.storage.close()
            self.storage = None

    def free_bytes(self) -> int | None:
        """None while it is closed. OSError."""
        return None if self.storage is None else self.storage.files.free_bytes()


CHECK_S = 2.0
"""Seconds between checks while a clip is open."""


class DiskGuard:
    """`free_bytes` is the free space of the disk, None while it is unknown, or OSError; `on_measured` gets it with the
    floor. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        free_bytes: Callable[[], int | None],
        on_measured: Callable[[int, int], None],
        clock: Callable[[], float],
    ) -> None:
        self._free_bytes, self._on_measured, self._clock = free_bytes, on_measured, clock
        self._is_full = False
        self._checked_at = 0.0

    def check_now(self, desired: Recording) -> bool:
        """Whether the disk is below its floor. Once it is, it stays so until a tenth more than the floor is free."""
        free = self._free_bytes()
        if free is None:
            return False
        floor = floor_of(desired)
        self._is_full = free < floor * (FREE_SPACE_HYSTERESIS if self._is_full else 1.0)
        self._on_measured(free, floor)
        return self._is_full

    def check_each_period(self, desired: Recording) -> bool:
        """The same, False until CHECK_S after the last such check."""
        now = self._clock()
        if now - self._checked_at < CHECK_S:
            return False
        self._checked_at = now
        return self.check_now(desired)

    def reset(self) -> None:
        """The floor itself is enough for the next clip."""
        self._is_full = False
