"""What is done about a camera that stops delivering, and when its process may be started again. Pure: time is given."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SILENCE_S = 3.0
"""A camera process speaks each second; after this much silence it counts as hung."""
STEP_S = 2.0
STEPS = ("abort", "reconnect", "kill")
MOST_BACK_OFF_S = 60.0


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
class BackOff:
    """First restart at once, then 1 s to 60 s with jitter; a healthy run resets it; a crash loop quarantines."""

    healthy_s: float = 30.0
    loop_exits: int = 5
    loop_s: float = 10.0
    exits: int = 0
    quick_exits: int = 0
    restarts: int = 0
    _started: float | None = None
    not_before: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def started(self, now: float) -> None:
        self._started = now

    def ended(self, now: float, reason: str) -> bool:
        """Note an exit; True when this makes it a crash loop."""
        lived = now - self._started if self._started is not None else 0.0
        if lived >= self.healthy_s:
            self.exits = self.quick_exits = 0
        self.exits += 1
        self.restarts += 1
        self.quick_exits = self.quick_exits + 1 if lived < self.loop_s else 0
        self.reasons = [*self.reasons[-4:], reason]
        self.not_before = now + self.pause_s()
        return self.quick_exits >= self.loop_exits

    def pause_s(self) -> float:
        if self.exits <= 1:
            return 0.0
        return float(min(MOST_BACK_OFF_S, 2.0 ** (self.exits - 2))) * random.uniform(0.8, 1.2)

    def forgive(self) -> None:
        """A person says: try again now."""
        self.exits = self.quick_exits = 0
        self.not_before = 0.0
