"""When the captures of a session start, and how many starts an outage has missed. Pure: it knows one moment.

With `cadence_s` a cycle starts at a fixed time after the one before, without drift. With `delay_s` it starts after the
end of the last capture of the one before. The captures of a cycle follow each other directly. Index: by time with a
cadence, else by counting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cameras.programmes.kinds import Cycle, kind_of
from cameras.spool.moments import Moment, seconds_of
from cameras.spool.session_files import SessionFile

LATE_S = 0.25
"""With a cadence, a start that is later than this is missed, unless its cycle still fits before the next start."""
READOUT_S = 1.0
"""Seconds from the exposure to the picture, for a camera that does not report it."""
WINDOW_MARGIN_S = 0.001
"""No capture starts in the last millisecond of a window: its end is no longer a part of it."""
UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Durations:
    """What the captures of a session take beyond their exposures, in seconds."""

    readout_s: float = READOUT_S
    """The longest time from the end of an exposure to the picture."""
    measured_s: float = 0.0
    """The last saved capture, from its plan to its record, without its exposure; 0 before the first."""

    @property
    def overhead_s(self) -> float:
        """Rather too long than too short: a gap must not count more captures than the camera could have taken."""
        return max(self.readout_s, self.measured_s)


@dataclass(frozen=True, slots=True)
class SessionSchedule:
    """The starts of a session, as seen at `now`. `cycle`: its exposures at this time."""

    session: SessionFile
    now: Moment
    cycle: Cycle
    durations: Durations

    # The place in the programme

    @property
    def done(self) -> int:
        """The captures since the anchor: the begin of the session, or of its open window."""
        return self.session.planned - self.session.anchor_index

    @property
    def shot(self) -> int:
        """The place of the next capture in its cycle."""
        return self.done % len(self.cycle)

    @property
    def rest(self) -> int:
        """The captures that are left of the cycle that has begun; 0 between two cycles."""
        return len(self.cycle) - self.shot if self.shot else 0

    # The next start

    @property
    def start_s(self) -> float:
        """Seconds from now until the next capture should start; negative when that time has passed."""
        session, programme = self.session, self.session.programme
        if session.window_end is None and (window := session.next_window):
            return window.begin - self.now.wall
        if self.shot:
            return -session.last_end.seconds_until(self.now)
        if "cadence_s" in programme:
            passed = self.done // len(self.cycle) * programme["cadence_s"]
            return passed - session.anchor.seconds_until(self.now)
        # Equal only until the first capture, also where `SessionFile.begin` continues with the counts of the database.
        first = self.done == 0 or session.last_end == session.anchor
        return (0.0 if first else programme.get("delay_s", 0.0)) - session.last_end.seconds_until(self.now)

    @property
    def step_s(self) -> float:
        """Seconds from the start of a cycle to that of the next, rather too long than too short."""
        programme = self.session.programme
        if "cadence_s" in programme:
            return programme["cadence_s"]
        return self.cycle.length_s(self.durations.overhead_s) + programme.get("delay_s", 0.0)

    def following_s(self) -> float | None:
        """Seconds from now until the start after the next capture; None if it depends on the end of that capture."""
        cadence_s = self.session.programme.get("cadence_s")
        if cadence_s is None or self.shot + 1 < len(self.cycle):
            return None
        cycles = self.done // len(self.cycle) + 1
        return cycles * cadence_s - self.session.anchor.seconds_until(self.now)

    # The end

    @property
    def captures_left(self) -> int:
        count = self.session.programme.get("count")
        return count - self.session.planned if count is not None else UNLIMITED

    @property
    def past_end_s(self) -> float:
        """Seconds since the open window or the session's `until` has ended; negative before it."""
        if self.session.window_end is not None:
            return self.session.window_end.seconds_until(self.now) + WINDOW_MARGIN_S
        until = self.session.programme.get("until")
        return -math.inf if until is None else self.now.wall - seconds_of(until)

    @property
    def is_over(self) -> bool:
        """Whether the session has taken its last capture. A window to come is another schedule."""
        if self.captures_left <= 0:
            return True
        return self.session.next_window is None and self.past_end_s + max(0.0, self.start_s) > 0

    # What is missed

    def missed_starts(self, *, after_outage: bool) -> int:
        """How many captures are missed, of those that the programme has left before its end. A session with `delay_s`
        misses captures in an outage only, and a cycle that has begun is completed unless an outage has ended it. One
        that chooses its exposures misses none."""
        if kind_of(self.session.programme).chooses:
            return 0
        late_s = -self.start_s
        if self.past_end_s > 0:
            missed = self._starts_within(late_s - self.past_end_s)
        elif self.shot and not after_outage:
            missed = 0
        elif "cadence_s" in self.session.programme:
            missed = self._missed_of_cadence(late_s)
        else:
            missed = self._missed_of_delay(late_s) if after_outage else 0
        return min(self.captures_left, missed)

    def _starts_within(self, span_s: float) -> int:
        """The captures that were due from the next start until `span_s` after it, that start included."""
        if self.rest:
            to_next_s = self._to_next_cycle_s()
            due = self.rest if span_s >= 0 else 0
            return due + len(self.cycle) * max(0, math.floor((span_s - to_next_s) / self.step_s) + 1)
        return len(self.cycle) * max(0, math.floor(span_s / self.step_s) + 1)

    def _to_next_cycle_s(self) -> float:
        """Seconds from the due start of the next capture, in the middle of a cycle, to that of the next cycle."""
        programme = self.session.programme
        if "cadence_s" in programme:
            cycles = self.done // len(self.cycle) + 1
            next_s = cycles * programme["cadence_s"] - self.session.anchor.seconds_until(self.now)
            return next_s - self.start_s
        overhead_s = self.durations.overhead_s
        left_s = sum(self.cycle.capture_s(shot, overhead_s) for shot in range(self.shot, len(self.cycle)))
        return left_s + programme.get("delay_s", 0.0)

    def _missed_of_delay(self, late_s: float) -> int:
        if not self.rest:
            return len(self.cycle) * max(0, math.floor(late_s / self.step_s))
        if late_s < self.cycle.capture_s(self.shot, self.durations.overhead_s):
            return 0
        later_s = late_s - self._to_next_cycle_s()
        return self.rest + len(self.cycle) * max(0, math.floor(later_s / self.step_s))

    def _missed_of_cadence(self, late_s: float) -> int:
        """What is left of a cycle is missed once the next one is due."""
        if not self.rest:
            return len(self.cycle) * self._missed_cycles(late_s)
        later_s = late_s - self._to_next_cycle_s()
        return 0 if later_s < 0 else self.rest + len(self.cycle) * self._missed_cycles(later_s)

    def _missed_cycles(self, late_s: float) -> int:
        cadence_s = self.step_s
        # The exposures alone: the next cycle may start while the last picture is read out.
        exposures_s = sum(self.cycle.exposure_s(shot) for shot in range(len(self.cycle)))
        tolerance_s = max(LATE_S, cadence_s - exposures_s)
        if late_s <= tolerance_s:
            return 0
        passed = math.floor(late_s / cadence_s)
        return passed if late_s - passed * cadence_s <= tolerance_s else passed + 1
