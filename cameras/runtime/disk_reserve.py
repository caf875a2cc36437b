"""The reserve of a disk: with less free space a session skips its stills. The rest is for captures that users
request, and for records."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cameras.runtime.link import Reporter
    from cameras.runtime.spec import Spec
    from cameras.spool.storage import Storage

DISK_RESERVE_BYTES = 256 * 2**20
FREE_SPACE_HYSTERESIS = 1.1
"""Sessions continue at this many times the reserve, so they do not stop and continue with each still."""
CHECK_S = 1.0


class DiskReserve:
    def __init__(self, spec: Spec, reporter: Reporter) -> None:
        self._path, self._reporter = spec["root_path"], reporter
        self._reserve_bytes = spec.get("disk_reserve_bytes", 0)
        self._checked_at = -CHECK_S
        self.is_reached = False

    @property
    def message(self) -> str:
        return (
            f"Less than {self._reserve_bytes / 2**20:.0f} MiB are free in {self._path}: sessions skip their captures. "
            "Free some space; they then continue on their own."
        )

    def check_space(self, storage: Storage | None, now: float) -> bool:
        """Whether less than the reserve is free. Checked each CHECK_S seconds; a change becomes an event. OSError."""
        # The camera loop calls this in each round, for a stream once per frame.
        if storage is not None and now - self._checked_at >= CHECK_S:
            self._checked_at = now
            free = storage.files.free_bytes()
            self._change(free < self._reserve_bytes * (FREE_SPACE_HYSTERESIS if self.is_reached else 1.0))
        return self.is_reached

    def reset(self) -> None:
        """No session waits for free space."""
        self._checked_at = -CHECK_S
        self._change(reached=False)

    def _change(self, reached: bool) -> None:
        if reached and not self.is_reached:
            self._reporter.log_event("storage.last_floor", self.message)
            self._reporter.report_hold(self.message, "disk_full")
        elif self.is_reached and not reached:
            self._reporter.log_event(
                "storage.room", f"No session waits for free space in {self._path} any more.", "info"
            )
            self._reporter.report_hold()
        self.is_reached = reached
