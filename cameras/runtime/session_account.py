"""The account of the captures of one camera's session: which have an outcome, and which were missed and why. An outage
is one gap, whose captures count as skipped. `cameras.programmes.schedule` says when captures start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from cameras.programmes.kinds import cycle_of, kind_of
from cameras.programmes.schedule import WINDOW_MARGIN_S, Durations, SessionSchedule
from cameras.runtime.clock import CameraClock
from cameras.spool.moments import Moment, Window
from cameras.spool.records import CaptureBody
from cameras.spool.session_files import SessionFile

Reason = tuple[str, str]
"""A reason code and a sentence."""
OVERRUN: Reason = ("overrun", "The previous capture took longer than the cadence.")
PAUSED: Reason = ("vetoed", "The session was paused.")
NOT_RUNNING: Reason = ("interrupted", "The camera process was not running.")
CLOCK_STEP_S = 1.0
"""A window's end by the wall clock and by the boot clock differ by more than this only if the wall clock was set."""
Place = Literal["before", "inside", "over"]
"""Where a moment is in the windows of a programme: before a window, inside one, after the last. Without windows always
inside."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """A capture whose exposure has ended, and whose picture is being fetched."""

    began: Moment | None
    """When its plan was written."""
    ended: Moment


@dataclass(slots=True)
class Progress:
    """What this process knows of the captures of its session. The file of the session has the rest."""

    planned: int = -1
    """The highest index that has a plan."""
    began: Moment | None = None
    """When that plan was written."""
    exposed: Mapping[int, Exposed] = field(default_factory=dict)
    """By index. Replaced and never changed in place: the reporting thread reads it without a lock."""
    durations: Durations = field(default_factory=Durations)

    def has_open_capture(self, session: SessionFile) -> bool:
        """Whether a capture has a plan and no outcome yet. Its index is not counted, and its start has passed."""
        return self.planned > session.settled

    def is_exposing(self, session: SessionFile) -> bool:
        """Whether a capture has a plan and is neither exposed nor settled."""
        return self.planned > max(session.settled, *self.exposed, -1)

    def after_exposed(self, session: SessionFile) -> SessionFile:
        """The session as it will be once the pictures that are being fetched have their outcome."""
        exposed = self.exposed
        last = max(exposed, default=-1)
        return replace(session, settled=last, last_end=exposed[last].ended) if last > session.settled else session

    def set_readout(self, readout_s: float) -> None:
        self.durations = replace(self.durations, readout_s=readout_s)

    def mark_planned(self, index: int, now: Moment) -> None:
        """The plan for `index` is on the disk. Nothing is due until it is exposed or settled."""
        self.planned, self.began = index, now

    def mark_exposed(self, index: int, now: Moment) -> None:
        """The exposure of `index` has ended, and its picture is fetched from now on."""
        self.exposed = {**self.exposed, index: Exposed(self.began, now)}


class SessionAccount:
    """Its caller holds a lock. `save` makes a changed session durable and sends its records; OSError. `could_choose`:
    whether a session that chooses its exposures had something to expose in a time; OSError."""

    def __init__(
        self,
        clock: CameraClock,
        save: Callable[[SessionFile], None],
        could_choose: Callable[[SessionFile, Moment, Moment], bool],
    ) -> None:
        self._clock, self._save, self._could_choose = clock, save, could_choose
        self.progress = Progress()
        """Replaced when a session begins."""
        self._outage: Reason | None = None
        self._outage_after = -1
        """The highest index that had a plan when the outage began."""

    @property
    def outage(self) -> Reason | None:
        """Why the next starts are missed, if they are."""
        return self._outage

    @outage.setter
    def outage(self, outage: Reason | None) -> None:
        self._outage, self._outage_after = outage, self.progress.planned

    def begin(self, session: SessionFile) -> None:
        """Start counting from this session. The duration of its captures is not known yet."""
        self.progress = Progress(session.settled, durations=Durations(readout_s=self.progress.durations.readout_s))
        self._outage_after = session.settled

    def schedule(self, session: SessionFile) -> SessionSchedule:
        """Of the captures after those that are exposed."""
        cycle = cycle_of(session.programme, session.control["settings"] if session.control else None)
        return SessionSchedule(
            self.progress.after_exposed(session), self._clock.moment(), cycle, self.progress.durations
        )

    def interval_s(self, session: SessionFile) -> float:
        """The longest planned time from one picture to the next."""
        schedule = self.schedule(session)
        # With a cadence that is shorter than its cycle, starts are missed.
        return max(schedule.step_s, schedule.cycle.length_s(self.progress.durations.overhead_s))

    # Captures

    def may_overlap(self, session: SessionFile) -> bool:
        """Whether a capture may start while the pictures of others are fetched. After an outage, or a failure, the gap
        that follows has to wait for their outcomes."""
        return not self.progress.is_exposing(session) and self.outage is None and session.outage is None

    def count(self, session: SessionFile, index: int, body: CaptureBody) -> None:
        """Count the outcome of a capture. The caller saves."""
        progress, now = self.progress, self._clock.moment()
        exposed = progress.exposed.get(index)
        session.last_end = exposed.ended if exposed else now
        session.count_outcome(index, body["outcome"], body.get("exposure_us") or 0)
        progress.planned = max(progress.planned, session.settled)
        progress.exposed = {number: one for number, one in progress.exposed.items() if number > session.settled}
        if body["outcome"] != "saved":
            return
        # Not the outage that began after its plan: its picture may have been fetched or written during the outage.
        if index > self._outage_after:
            self.outage = session.outage = None
        began = exposed.began if exposed else progress.began
        took_s = began.seconds_until(now) if began else 0.0
        progress.durations = replace(progress.durations, measured_s=max(0.0, took_s - _exposure_s(body)))

    # Missed starts

    def settle(self, session: SessionFile, reason: Reason | None) -> Place:
        """Record the starts that were missed until now, with `reason` unless it is None."""
        # The open capture is accounted for when it is settled.
        if self.progress.has_open_capture(session):
            return "inside"
        self.outage = reason or self.outage
        place = self.advance_windows(session, self.outage)
        if place == "inside":
            self.close_gap(session)
        return place

    def end_outage(self, session: SessionFile, place: Place) -> None:
        """Nothing prevents starts any more: what an outage has cost becomes a gap, and before a window it cost none."""
        if place == "inside":
            self.close_gap(session)
        elif place == "before" and (self.outage or session.outage):
            self.outage = session.outage = None
            self._save(session)

    def close_gap(self, session: SessionFile) -> None:
        """Record the starts that were missed until now as one gap."""
        # The start of the open capture has passed as well, and would be counted as missed. Before a window none is due.
        if self.progress.has_open_capture(session) or self.schedule(session).start_s > 0:
            return
        if self._add_gap(session, self._clock.moment()):
            self._save(session)

    def _add_gap(self, session: SessionFile, until: Moment) -> bool:
        """Count the starts that were missed until now; False when nothing was missed and no outage ends. The caller
        saves."""
        missed = self.schedule(session).missed_starts(after_outage=self.outage is not None)
        # A session that chooses its exposures says what prevented them, and not how many it would have chosen.
        ends_choices = self.outage is not None and kind_of(session.programme).chooses
        if missed <= 0 and not ends_choices:
            return False
        if missed > 0 or self._could_choose(session, session.last_end, until):
            session.add_gap(session.last_end, until, missed, *(self.outage or OVERRUN))
        session.last_end, self.progress.planned = until, session.settled
        self.outage = session.outage = None
        return True

    # Windows

    def advance_windows(self, session: SessionFile, outage: Reason | None) -> Place:
        """Close the windows that are over, each with the gap of its missed starts, and open the one that has begun."""
        if not session.programme.get("windows"):
            return "inside"
        while window := session.next_window:
            # Each gap resets it, and one outage may last over several windows.
            self.outage, now = outage, self._clock.moment()
            if session.window_end is None:
                if now.wall < window.begin:
                    return "before"
                self._open_window(session, window, now)
            if not self._is_window_over(session, now):
                return "inside"
            self._add_gap(session, session.window_end or now)
            session.close_window()
            # In one step: a window closed without its gap, or the reverse, would be counted wrongly after a kill.
            self._save(session)
        return "over"

    def _open_window(self, session: SessionFile, window: Window, now: Moment) -> None:
        """Saved before its first plan: a process after a kill in the first capture would open the window again, and
        count its starts from the second one. After an OSError it is not open."""
        before = replace(session)
        session.open_window(window, now)
        try:
            self._save(session)
        except OSError:
            session.restore(before)
            raise

    def _is_window_over(self, session: SessionFile, now: Moment) -> bool:
        """By the boot clock, unless the wall clock was set and the kernel says that it is right now. In its last
        millisecond it is: a start that is due there would be one more than its length has room for."""
        assert session.window_end is not None
        left_s, left_by_wall_s = -session.window_end.seconds_until(now), session.window_end.wall - now.wall
        was_set = abs(left_s - left_by_wall_s) > CLOCK_STEP_S
        if was_set and self._clock.synchronisation() == "synchronised":
            session.window_end = now.at_wall(session.window_end.wall)
            return left_by_wall_s <= WINDOW_MARGIN_S
        return left_s <= WINDOW_MARGIN_S


def _exposure_s(body: CaptureBody) -> float:
    """The exposure that the camera reported, else the requested one."""
    return float(body.get("exposure_us") or body["asked"].get("exposure_us") or 0) / 1e6
