"""The machine's clocks, controlled by a test."""

from __future__ import annotations

from collections.abc import Callable

from cameras.runtime.clock import CameraClock
from cameras.spool.moments import Moment

EVENING = 1_800_043_200.0
"""2027-01-15 20:00:00Z."""


class SetClock(CameraClock):
    """Time stands still until the test moves it, and a wait moves it by the time waited."""

    def __init__(self, wall: float = EVENING) -> None:
        super().__init__()
        self.boot, self.boot_s = "first boot", 100.0
        self._ahead = wall - self.boot_s
        self.kernel_says: str | None = None
        """What the kernel says of the wall clock; None for the truth of this machine."""

    def synchronisation(self) -> str:
        return self.kernel_says or super().synchronisation()

    @property
    def wall(self) -> float:
        return self.boot_s + self._ahead

    def wall_ns(self) -> int:
        return round(self.wall * 1e9)

    def monotonic(self) -> float:
        return self.boot_s

    def moment(self) -> Moment:
        return self._wall.correct(Moment(self.wall, self.boot, self.boot_s), self.synchronisation())

    def wait(self, seconds: float) -> bool:
        # At least a microsecond: a shorter time may not change the clock at all, and a loop would wait for ever.
        self.go_on(max(1e-6, seconds))
        return False

    def go_on(self, seconds: float) -> None:
        self.boot_s += seconds

    def set_wall(self, by_s: float) -> None:
        """Someone sets the wall clock; no other clock changes."""
        self._ahead += by_s

    def reboot(self, off_s: float, boot: str = "second boot") -> None:
        """The machine is off for `off_s` seconds."""
        wall = self.wall + off_s
        self.boot, self.boot_s = boot, 5.0
        self._ahead = wall - self.boot_s


class StepClock(SetClock):
    """Time runs as fast as the disk lets it: a wait first lets the still thread finish, then advances the time."""

    settled: Callable[[float], bool]

    def wait(self, seconds: float) -> bool:
        if self.wakes_on_work:
            self.settled(10.0)
        return self._interrupted() or super().wait(seconds)
