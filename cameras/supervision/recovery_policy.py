"""Decides what to do about a camera that stops delivering or a session that saves no pictures, and when a process may
be restarted. Pure: the caller passes the time."""

from __future__ import annotations

from dataclasses import dataclass, field

from cameras.runtime.device_timing import OPEN_S
from cameras.runtime.messages import StateReport
from core.limits.repeats import BackOff, CrashLoop

SILENCE_S = 3.0
"""A camera process sends a message every second; after this much silence it counts as hung."""
NO_IDLE_CORE = 0.05
"""A machine had no idle core while less of its processor time than this part of one core was left over."""
STEP_S = 2.0
STEPS = ("abort", "reconnect", "kill")
REOPENED = 8
"""After this many failures in a row (about a minute) the process of a camera that is present is replaced, because a
vendor's library may be stuck."""
IDLE_S = 6 * 3600.0
"""No exposure takes this long: a process that lived this long without a picture got no capture command."""


def silence_limit_s(*, starts: bool) -> float:
    """How long a process may be silent. One that starts has the time that opening a camera may take: loading libraries
    may keep its interpreter from reporting."""
    return OPEN_S if starts else SILENCE_S


@dataclass(slots=True)
class RecoveryPolicy:
    """abort -> reconnect -> kill, each STEP_S after the one before, while the camera stays overdue."""

    _since: float | None = None
    _taken: int = 0

    def next_step(self, now: float, overdue_s: float, silent_s: float, *, starts: bool = False) -> str | None:
        """The step to take now, if any. All times are the process's own: the time for which it waits for a processor is
        in none of them. `starts`: its camera was not open yet, and has not failed to open."""
        # A process that is stuck reports no lateness: then its silence counts.
        late = max(overdue_s, silent_s - silence_limit_s(starts=starts))
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
class RestartSchedule:
    """The exits of one camera's process, their reasons, and when the next process may be started."""

    rule: BackOff = field(default_factory=BackOff)
    not_before: float = 0.0
    reasons: list[str] = field(default_factory=list)
    excused: bool = False
    """The last exit did not count towards quarantine, because the machine had no idle core."""
    _started: float | None = None
    _idle_s: float = 0.0

    def record_start(self, now: float, idle_s: float) -> None:
        """`idle_s` is the time for which the cores of the machine have been idle, in seconds since any moment."""
        self._started, self._idle_s = now, idle_s

    def record_exit(self, now: float, idle_s: float, reason: str, *, fruitless: bool = False) -> bool:
        """Record an exit; True when it makes a crash loop. A `fruitless` process, which the ladder ended before its
        first picture, counts as a failure even after a long life, up to IDLE_S: after that it was idle. The exit of a
        process that lived while the machine had no idle core counts for the pause alone."""
        # A new list, because other threads read it for the status.
        self.reasons = [*self.reasons[-4:], reason]
        lived_s = now - self._started if self._started is not None else 0.0
        self.excused = lived_s > 0 and idle_s - self._idle_s < NO_IDLE_CORE * lived_s
        try:
            # The ladder waits for the deadlines of calls, so a process that it kills mostly lives too long for a quick
            # exit. Without `fruitless` a camera that always hangs would never be quarantined.
            uptime_s = 0.0 if fruitless and lived_s < IDLE_S else lived_s
            self.not_before = now + self.rule.next_delay_s(uptime_s, counts=not self.excused)
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

    def reset(self) -> None:
        """Forget the failures, so that the process can start at once."""
        self.rule.reset()
        self.not_before = 0.0


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
