"""When the captures of a session start, and how many starts an outage has missed. Pure: it knows one moment.

With `cadence_s` the index follows the time from start to start, without drift. With `delay_s` the next start follows
the end of the previous capture, and the index counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from cameras.spool.session_files import Moment, SessionFile

LATE_S = 0.25
"""With a cadence, a start that is later than this is missed, unless its exposure still fits before the next start."""
READOUT_S = 1.0
"""Seconds from the exposure to the picture, for a camera that does not report it."""
UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Durations:
    """What the captures of a session take, in seconds."""

    exposure_s: float = 0.0
    readout_s: float = READOUT_S
    """The longest time from the end of an exposure to the picture."""
    took_s: float = 0.0
    """The last saved capture, from its plan to its record; 0 before the first."""


@dataclass(frozen=True, slots=True)
class SessionSchedule:
    """The starts of a session, as seen at `now`."""

    session: SessionFile
    now: Moment
    durations: Durations

    @property
    def start_s(self) -> float:
        """Seconds from now until the next capture should start; negative when that time has passed."""
        session, programme = self.session, self.session.programme
        if "cadence_s" in programme:
            return session.planned * programme["cadence_s"] - session.anchor.seconds_until(self.now)
        # Equal only until the first capture, also where `SessionFile.begin` continues with the counts of the database.
        first = session.planned == 0 or session.last_end == session.anchor
        return (0.0 if first else programme.get("delay_s", 0.0)) - session.last_end.seconds_until(self.now)

    @property
    def step_s(self) -> float:
        """Seconds from one start to the next, rather too long than too short: a gap must not count more captures than
        the camera could have taken."""
        programme, durations = self.session.programme, self.durations
        if "cadence_s" in programme:
            return programme["cadence_s"]
        capture_s = max(durations.exposure_s, programme["exposure_us"] / 1e6) + durations.readout_s
        return max(0.001, capture_s, durations.took_s) + programme.get("delay_s", 0.0)

    @property
    def captures_left(self) -> int:
        count = self.session.programme.get("count")
        return count - self.session.planned if count is not None else UNLIMITED

    @property
    def past_until_s(self) -> float:
        """Seconds since `until` has passed; negative before it."""
        until = self.session.programme.get("until")
        return -math.inf if until is None else self.now.wall - datetime.fromisoformat(until).timestamp()

    @property
    def is_over(self) -> bool:
        """Whether the session has taken its last capture."""
        return self.captures_left <= 0 or self.past_until_s + max(0.0, self.start_s) > 0

    def missed_starts(self, *, after_outage: bool) -> int:
        """How many starts are missed, of those that the programme has left before its `until`. A session with `delay_s`
        misses starts in an outage only."""
        late_s = -self.start_s
        if "cadence_s" in self.session.programme:
            missed = self._missed_of_cadence(late_s)
        else:
            missed = max(0, math.floor(late_s / self.step_s)) if after_outage else 0
        if self.past_until_s > 0:
            # Of the starts each `step_s` up to now, those before `until`, the first included.
            missed = max(0, math.floor((late_s - self.past_until_s) / self.step_s) + 1)
        return min(self.captures_left, missed)

    def _missed_of_cadence(self, late_s: float) -> int:
        cadence_s = self.step_s
        tolerance_s = max(LATE_S, cadence_s - self.durations.exposure_s)
        if late_s <= tolerance_s:
            return 0
        passed = math.floor(late_s / cadence_s)
        return passed if late_s - passed * cadence_s <= tolerance_s else passed + 1
