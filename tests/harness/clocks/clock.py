"""A clock that a test moves: waiting takes no time at all."""

from __future__ import annotations


class SteppingClock:
    """`wait` advances the time by the time waited. The wait with number `interrupt_at` is interrupted."""

    def __init__(self, wall_ns: int = 1_800_000_000_000_000_000, monotonic: float = 1000.0) -> None:
        self._wall_ns, self._monotonic = wall_ns, monotonic
        self.waits: list[float] = []
        self.interrupt_at: int | None = None

    def wall_ns(self) -> int:
        return self._wall_ns

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.advance(max(0.0, seconds))
        return len(self.waits) - 1 == self.interrupt_at

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall_ns += round(seconds * 1e9)


class SlowMachineClock(SteppingClock):
    """A slow machine: each reading of the clock is `step` seconds later than the previous one."""

    step = 0.0

    def monotonic(self) -> float:
        self.advance(self.step)
        return super().monotonic()
