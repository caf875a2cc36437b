"""What is done about a camera that stops delivering, and when its process may be started again. Pure: time is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitoring.restarts import BackOff, CrashLoop

SILENCE_S = 3.0
"""A camera process speaks each second; after this much silence it counts as hung."""
STEP_S = 2.0
STEPS = ("abort", "reconnect", "kill")
REOPENED = 8
"""After so many failures in a row, which take about a minute, of a camera that is there, its process is replaced: a
vendor's library may have got stuck."""
IDLE_S = 6 * 3600.0
"""No exposure is so long: a process that lived for this without a picture was not asked for one."""


@dataclass(slots=True)
class Ladder:
    """abort -> reconnect -> kill, each STEP_S after the one before, while the camera stays overdue."""

    _since: float | None = None
    _taken: int = 0

    def look(self, now: float, overdue_s: float, silent_s: float) -> str | None:
        """The step to take now, if any."""
        late = max(overdue_s, silent_s - SILENCE_S)
        if late <= 0:
            self._since, self._taken = None, 0
            return None
        if self._since is None:
            self._since = now
        if self._taken < len(STEPS) and now - self._since >= self._taken * STEP_S:
            self._taken += 1
            return STEPS[self._taken - 1]
        return None


@dataclass(slots=True)
class Restarts:
    """The exits of one camera's process: why, and when the next one may be started."""

    rule: BackOff = field(default_factory=BackOff)
    not_before: float = 0.0
    reasons: list[str] = field(default_factory=list)
    _started: float | None = None

    def started(self, now: float) -> None:
        self._started = now

    def ended(self, now: float, reason: str, *, fruitless: bool = False) -> bool:
        """Note an exit; True when this makes it a crash loop. A `fruitless` life, ended by the ladder without a single
        picture, is a failure however long the waiting for it took; up to IDLE_S, beyond which nobody waited."""
        self.reasons = [*self.reasons[-4:], reason]
        lived_s = now - self._started if self._started is not None else 0.0
        try:
            self.not_before = now + self.rule.next_delay_s(0.0 if fruitless and lived_s < IDLE_S else lived_s)
        except CrashLoop:
            return True
        return False

    @property
    def failures(self) -> int:
        """In a row."""
        return self.rule.quick_exits

    @property
    def tries_left(self) -> int:
        return self.rule.crash_loop_exits - self.rule.quick_exits

    def forgive(self) -> None:
        """A person says: try again now."""
        self.rule.reset()
        self.not_before = 0.0
