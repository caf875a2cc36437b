"""Runs the one session of a camera: its state and its next start. `SessionAccount` counts its captures."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cameras.exposure.control import ControlState, explain
from cameras.programmes.kinds import Finished, NextExposure, Wait
from cameras.programmes.schedule import SessionSchedule
from cameras.runtime.clock import CameraClock
from cameras.runtime.messages import SessionStatus
from cameras.runtime.session_account import NOT_RUNNING, PAUSED, Place, SessionAccount, SessionChoices
from cameras.spool.moments import Moment, iso, seconds_of
from cameras.spool.records import CaptureRecord, FollowingStart, UsedSettings
from cameras.spool.recovery import settle_observation, settle_session
from cameras.spool.session_files import DesiredSession, SessionFile, State, find_session, load_active_session
from cameras.spool.spool import Spool

REMEMBERED = 100
"""Ended sessions that are remembered: the ingest removes their files, and a late command must not start them again."""


@dataclass(frozen=True, slots=True)
class Due:
    """The next still of the session: its index, the seconds until it should start, and the settings it requests."""

    session: str
    index: int
    in_s: float
    requested: dict[str, Any]
    shot: int
    """Its place in the cycle."""
    following: FollowingStart | None
    """The start after it; None where that is chosen when it is due."""
    observation: dict[str, Any] | None = None
    """Of a session that chooses its exposures: what the plan of the capture says of it."""


class SessionRunner:
    """The camera loop asks for the next start, and the still thread settles captures; one lock guards both.

    The lock is held while the session's file is written durably. `describe_session` does not take it: a slow disk must
    not silence a healthy camera process. The states of a session and their moves: `cameras.spool.session_files.MOVES`.
    """

    def __init__(self, clock: CameraClock, camera: str, slug: str, root: str) -> None:
        self._clock, self._camera, self._slug, self._root = clock, camera, slug, root
        self._lock = threading.RLock()
        self._spool: Spool | None = None
        self.session: SessionFile | None = None
        self._snapshot: SessionFile | None = None
        self._account = SessionAccount(clock, self._save, self._could_choose)
        self._ended: deque[SessionFile] = deque(maxlen=REMEMBERED)
        self._unsent: list[SessionFile] = []
        """Sessions whose last change is saved, and whose records could not be sent yet, in the order of the changes."""
        self._reported: list[str] = []
        self._yields = False
        """Whether a planned run waits until no capture is open."""
        self._choices = SessionChoices(clock)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; `describe_session` sees it when it is complete."""
        with self._lock:
            try:
                yield
            finally:
                # A copy, replaced in one assignment: the reporting thread reads it without the lock.
                self._snapshot = replace(self.session) if self.session else None

    def attach_spool(self, spool: Spool) -> None:
        """Resume the session that the spool holds."""
        with self._changing():
            self._spool, self.session = spool, load_active_session(spool)
            if self.session:
                self._account.begin(self.session)
                # What prevented its starts when the process before this one ended, rather than that it ended.
                self._account.outage = self.session.outage or NOT_RUNNING

    def detach_spool(self) -> None:
        with self._changing():
            # The recovery of the spool sends what is unsent.
            self._spool = self.session = None
            self._choices.forget()
            self._unsent = []

    # The state of the session

    def apply_desired_session(self, desired: DesiredSession, used: UsedSettings | None = None) -> SessionStatus:
        """Bring the session to its desired state; a lower revision changes nothing. Returns once its file is durable.

        `used`: what the camera will use, recorded with the start of a session. SessionBusy.
        """
        with self._changing():
            spool = self._require_spool()
            session = self._find(spool, desired["id"])
            if session is None:
                session = self._begin(spool, desired, used)
            elif session.active and desired["revision"] >= session.revision:
                session.revision = desired["revision"]
                if self._differs(session, desired):
                    # Before the move: the starts until now belong to the old state and its reason.
                    place = self._account.settle(session, PAUSED if session.state == "paused" else None)
                    reason = "session_stopped" if desired["desired"] == "stopped" else ""
                    self._change_state(spool, session, self._state_of(desired, place), reason)
            return self._describe(session)

    @staticmethod
    def _differs(session: SessionFile, desired: DesiredSession) -> bool:
        return not session.follows_time if desired["desired"] == "running" else session.state != desired["desired"]

    @staticmethod
    def _state_of(desired: DesiredSession, place: Place) -> State:
        """A session that should run waits outside of its windows."""
        return "waiting" if desired["desired"] == "running" and place == "before" else desired["desired"]

    def _begin(self, spool: Spool, desired: DesiredSession, used: UsedSettings | None) -> SessionFile:
        """A session that was stopped before it began is recorded as stopped, and does not use the camera."""
        if desired["desired"] != "stopped" and self.session and self.session.active:
            raise SessionBusy(self.session)
        session = SessionFile.begin(desired, self._camera, self._slug, self._root, self._clock.moment())
        if desired["desired"] == "stopped":
            self._change_state(spool, session, "stopped", "session_stopped", "It was stopped before it began.")
            return session
        self._account.begin(session)
        # Windows that are over already are accounted for by the first `next_due`.
        place: Place = (
            "inside" if self._account.schedule(session).start_s <= 0 or session.next_window is None else "before"
        )
        self._change_state(spool, session, self._state_of(desired, place), used=used)
        return session

    def fail_session(self, reason: str, message: str) -> None:
        """End the session, because it cannot continue."""
        with self._changing():
            if self.session and self._spool:
                self._change_state(self._spool, self.session, "failed", reason, message)

    def stop_for(self, run: str) -> bool:
        """Stop the session, because the planned run of this name takes the camera over. False while a capture of the
        session is open."""
        with self._changing():
            session = self.session
            if session is None:
                return True
            if self._account.has_open_capture(session):
                self._yields = True
                return False
            self._account.settle(session, PAUSED if session.state == "paused" else None)
            message = f"The planned run {run} took the camera over."
            self._change_state(self._require_spool(), session, "stopped", "camera_held", message)
            return True

    def _change_state(
        self,
        spool: Spool,
        session: SessionFile,
        state: State,
        reason: str = "",
        message: str = "",
        used: UsedSettings | None = None,
    ) -> None:
        """The only place where a session changes its state. Its file is durable before its record is sent. After an
        OSError the state is the one of the file."""
        before = replace(session, outbox=[*session.outbox])
        session.change_state(state, self._clock.moment(), reason, message, used)
        try:
            session.save(spool)
        except OSError:
            # The command is refused, and the next one must find the session as it was.
            session.restore(before)
            raise
        if session.active:
            self.session = session
        else:
            self._ended.append(session)
            if session is self.session:
                self.session = None
        self._send_unsent(spool, session)

    def send_unsent(self) -> None:
        """Send the records of a saved change that could not be sent. OSError: the next call tries again."""
        with self._lock:
            if self._unsent:
                self._send_unsent(self._require_spool(), self._unsent[-1])

    def _send_unsent(self, spool: Spool, session: SessionFile) -> None:
        # No later change would send the record of a session that has ended.
        self._unsent = [*(one for one in self._unsent if one is not session), session]
        while self._unsent:
            self._reported += self._unsent[0].send_outbox(spool)
            del self._unsent[0]

    def has_session(self, session: str) -> bool:
        with self._lock:
            return self._find(self._require_spool(), session) is not None

    def _find(self, spool: Spool, session: str) -> SessionFile | None:
        if self.session and self.session.id == session:
            return self.session
        known = next((ended for ended in self._ended if ended.id == session), None)
        return find_session(spool, session) or known

    def _require_spool(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("The session has no spool.")
        return self._spool

    # The next start

    def next_due(
        self, readout_s: float = 0.0, *, unreachable: bool = False, overlaps: bool = False, bad_weather: bool = False
    ) -> Due | None:
        """The next start, or None when there is none. Finishes the session after its last capture.

        `readout_s` is the longest time from the end of an exposure to the picture. While the camera is `unreachable` no
        gap is recorded; one is, once it is back. `overlaps`: it may expose while pictures are fetched. `bad_weather`:
        a session that chooses its exposures takes those that need no sky.
        """
        with self._changing():
            self._choices.bad_weather = bad_weather
            session, (yields, self._yields) = self.session, (self._yields, False)
            if session is None:
                return None
            if self._account.has_open_capture(session):
                # Its index has no outcome yet, so nothing else of the session may change.
                return self._due_beside(session) if overlaps and not (unreachable or yields) else None
            self._account.set_readout(readout_s)
            session.anchor_to_boot_of(self._clock.moment())
            if not session.follows_time:
                self._finish_paused(session)
                return None
            return self._due(session, unreachable=unreachable)

    def _due(self, session: SessionFile, *, unreachable: bool) -> Due | None:
        account = self._account
        place = account.advance_windows(session, account.outage)
        if not unreachable:
            account.end_outage(session, place)
        schedule = account.schedule(session)
        if place == "over" or schedule.is_over:
            # Also while the camera is away: no later call would record the starts that it missed until the end.
            if place == "inside":
                account.close_gap(session)
            self._change_state(self._require_spool(), session, "finished")
            return None
        state: State = "running" if place == "inside" else "waiting"
        if session.state != state:
            self._change_state(self._require_spool(), session, state)
        due = self._describe_due(schedule)
        if isinstance(due, Finished):
            self._change_state(self._require_spool(), session, "finished", message=due.reason)
            return None
        return due

    def _due_beside(self, session: SessionFile) -> Due | None:
        """The next start while pictures of earlier captures are fetched. None when it has to wait for their outcomes:
        at the end of the session or of a window, and when starts were missed."""
        if not session.is_running or not self._account.may_overlap(session):
            return None
        schedule = self._account.schedule(session)
        if schedule.is_over or schedule.past_end_s > 0 or schedule.missed_starts(after_outage=False):
            return None
        due = self._describe_due(schedule)
        # The session finishes once the pictures have their outcomes.
        return None if isinstance(due, Finished) else due

    def _describe_due(self, schedule: SessionSchedule) -> Due | Finished:
        session, shot = schedule.session, schedule.shot
        requested, following = schedule.cycle.shots[shot], self._following(schedule)
        due = Due(session.id, session.planned, schedule.start_s, requested, shot, following)
        if due.in_s > 0:
            return due
        match self._choices.choose(self._require_spool(), session):
            case NextExposure() as chosen:
                return replace(due, requested=chosen.requested, following=None, observation=chosen.observation)
            case Wait() as wait:
                return replace(due, in_s=wait.seconds)
            case Finished() as finished:
                return finished
            case None:
                return due

    def _could_choose(self, session: SessionFile, begin: Moment, end: Moment) -> bool:
        return self._choices.could_choose(self._require_spool(), session, begin, end)

    def _following(self, schedule: SessionSchedule) -> FollowingStart:
        following_s = schedule.following_s()
        if following_s is not None:
            return FollowingStart(at=iso(self._clock.moment().wall + following_s))
        is_last = schedule.shot + 1 == len(schedule.cycle)
        return FollowingStart(after_s=schedule.session.programme.get("delay_s", 0.0) if is_last else 0.0)

    def _finish_paused(self, session: SessionFile) -> None:
        """A paused session ends with its programme as well: it must not keep the camera for ever."""
        if session.state != "paused":
            return
        place = self._account.advance_windows(session, PAUSED)
        if place == "over" or (place == "inside" and self._account.schedule(session).past_end_s > 0):
            self._account.settle(session, PAUSED)
            self._change_state(self._require_spool(), session, "finished")

    def waits_for_weather(self) -> bool:
        """Whether the session chooses its exposures, and would take none in bad weather now."""
        with self._lock:
            session, spool = self.session, self._spool
            if session is None or spool is None or not session.is_running:
                return True
            self._choices.bad_weather = True
            return not isinstance(self._choices.choose(spool, session), NextExposure)

    # Automatic exposure

    @property
    def is_between_cycles(self) -> bool:
        """Whether the next capture begins a cycle. Within a cycle the settings stay."""
        with self._lock:
            session = self.session
            # Until it is exposed a capture is not counted: the first one of a cycle would still seem to be before it.
            if session is None or self._account.is_exposing(session):
                return False
            return not self._account.schedule(session).rest

    def set_control(self, session: SessionFile, control: ControlState) -> None:
        """It is saved with the next capture: after a kill before that, the same frame leads to the same state."""
        with self._changing():
            session.control = control

    # Captures and missed starts

    def note_outage(self, reason: str, message: str) -> None:
        """Set the reason for starts that are missed from now on; the gap reports it, also after a restart."""
        with self._lock:
            self._account.outage = (reason, message)
            session = self.session
            if session is None or not session.follows_time or (session.outage and session.outage[0] == reason):
                return
            session.outage = (reason, message)
            # On a disk that cannot be written to, the next change of the session stores it.
            with contextlib.suppress(OSError):
                session.save(self._require_spool())

    def note_end(self, reason: str, message: str) -> None:
        """Why the process before this one ended: the reason for missed starts, unless they were missed already."""
        with self._lock:
            if self.session is not None and self.session.outage is None:
                self._account.outage = (reason, message)

    def mark_planned(self, index: int) -> None:
        """The plan for `index` is on the disk. Nothing is due until it is exposed or settled."""
        with self._lock:
            self._account.mark_planned(index)
            self._choices.confirm(index)

    def mark_exposed(self, index: int) -> None:
        """The exposure of `index` has ended, and its picture is fetched from now on."""
        with self._lock:
            self._account.mark_exposed(index)

    def settle_capture(self, spool: Spool, record: CaptureRecord) -> None:
        """Count a capture in its session, before the ingest can see the record."""
        with self._changing():
            session, body = self.session, record["body"]
            index = body["index"]
            if session is None or body["session"] != session.id or index is None:
                settle_session(spool, record)
                return
            self._reported += settle_observation(spool, record)
            self._account.count(session, index, body)
            session.save(spool)

    def _save(self, session: SessionFile) -> None:
        self._reported += session.save_and_send(self._require_spool())

    # Reports

    def pop_reported(self) -> list[str]:
        """Ids of the records that were sent since the last call."""
        with self._lock:
            reported, self._reported = self._reported, []
            return reported

    def describe_session(self) -> SessionStatus | None:
        """The session as of the last complete change. Never waits."""
        shown = self._snapshot
        return self._describe(shown) if shown else None

    def _describe(self, session: SessionFile) -> SessionStatus:
        start_s = self._account.schedule(session).start_s if session.follows_time else None
        wait = self._choices.wait if session.is_running else None
        expects = session.is_running and (wait is None or wait.is_fault)
        until = session.programme.get("until")
        return SessionStatus(
            id=session.id,
            name=session.name,
            state=session.state,
            revision=session.revision,
            planned=session.planned,
            saved=session.saved,
            failed=session.failed,
            skipped=session.skipped,
            count=session.programme.get("count"),
            until=iso(seconds_of(until)) if until else None,
            next_in_s=None if start_s is None else round(max(0.0, start_s), 3),
            interval_s=self._account.interval_s(session) if expects else None,
            exposure=explain(session.control) if session.control else None,
            waits=wait.reason if wait else "",
        )


class SessionBusy(Exception):
    def __init__(self, session: SessionFile) -> None:
        super().__init__(f"The session {session.name or session.id} runs on this camera. Stop it first.")
        self.session = session.id
