"""The last floor of a disk: below it a session takes no stills, so that what is left is for what people ask for, and
for the records that tell of it."""

from __future__ import annotations

from cameras.runtime.report import Report
from cameras.runtime.spec import Spec
from cameras.runtime.storage import Storage

DISK_RESERVE_BYTES = 256 * 2**20
FREE_SPACE_HYSTERESIS = 1.1
"""Times the floor: a disk at the floor does not stop and go with each still."""
LOOK_S = 1.0


class DiskReserve:
    def __init__(self, spec: Spec, report: Report) -> None:
        self._path, self._report = spec["root_path"], report
        self._floor = spec.get("disk_reserve_bytes", 0)
        self._looked_at = -LOOK_S
        self.reached = False

    @property
    def sentence(self) -> str:
        return (
            f"Less than {self._floor / 2**20:.0f} MiB are free in {self._path}: sessions skip their captures. Make "
            "room; they go on by themselves then."
        )

    def look(self, storage: Storage | None, now: float) -> bool:
        """Whether the floor is reached, looked at once in LOOK_S; told when it changes. OSError."""
        if storage is not None and now - self._looked_at >= LOOK_S:
            self._looked_at = now
            free = storage.files.free_bytes()
            self._change(free < self._floor * (FREE_SPACE_HYSTERESIS if self.reached else 1.0))
        return self.reached

    def leave(self) -> None:
        """No session waits for room any more."""
        self._looked_at = -LOOK_S
        self._change(reached=False)

    def _change(self, reached: bool) -> None:
        if reached and not self.reached:
            self._report.log("storage.last_floor", self.sentence)
        elif self.reached and not reached:
            self._report.log("storage.room", f"No session waits for room in {self._path} any more.", "info")
        self.reached = reached
