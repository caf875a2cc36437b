"""Decides when a session has saved no picture for too long, and what to do about it.

Pure: the caller passes the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from cameras.runtime.messages import StateReport

LEAST_S = 60.0
INTERVALS = 3
"""A session is stalled after this many intervals without a picture, but not before LEAST_S."""
FIRST_STEP, NEXT_STEPS = "reconnect", "kill"


@dataclass(slots=True)
class PictureWatch:
    """Since when a session of one camera has saved nothing, and the steps that were taken meanwhile."""

    least_s: float = LEAST_S
    tried: tuple[str, ...] = ()
    """The steps as sentences, with their times."""
    _expected: tuple[str, int] | None = None
    """The session and its number of saved pictures; None while none is expected."""
    _since: float = 0.0
    _taken: int = 0

    def observe(self, now: float, report: StateReport) -> None:
        """A picture that was saved, or is not expected any more, ends the wait. `now` is monotonic."""
        session = report.get("session")
        expects = session is not None and session["interval_s"] is not None and not report.get("held")
        expected = (session["id"], session["saved"]) if session is not None and expects else None
        if expected != self._expected:
            self._expected, self._since, self._taken, self.tried = expected, now, 0, ()

    def stalled_s(self, now: float, interval_s: float) -> float:
        """Seconds without a picture, or 0 while that is not too long."""
        waited_s = now - self._since
        return waited_s if self._expected is not None and waited_s >= self._limit_s(interval_s) else 0.0

    def next_step(self, now: float, interval_s: float) -> str | None:
        """The step to take now, if any: the first at the limit, then at twice, four times, eight times the limit."""
        if self._expected is None or now - self._since < self._limit_s(interval_s) * 2**self._taken:
            return None
        self._taken += 1
        return FIRST_STEP if self._taken == 1 else NEXT_STEPS

    def _limit_s(self, interval_s: float) -> float:
        return max(self.least_s, INTERVALS * interval_s)
