"""The next still of a session: when it is due, and what a session that chooses its exposures chooses for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cameras.programmes.kinds import Choice, Chooser, Finished, NextExposure, Wait, kind_of
from cameras.programmes.schedule import SessionSchedule
from cameras.runtime.clock import CameraClock
from cameras.runtime.session_account import PAUSED, SessionAccount
from cameras.runtime.session_store import SessionStore
from cameras.spool.moments import Moment, iso
from cameras.spool.records import FollowingStart
from cameras.spool.session_files import SessionFile, State


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


class SessionChoices:
    """Its caller holds the lock of the store."""

    def __init__(self, clock: CameraClock, store: SessionStore) -> None:
        self._clock, self._store = clock, store
        self._session = ""
        self._chooser: Chooser | None = None
        self._choice: Choice | None = None
        self.bad_weather = False

    def choose(self, session: SessionFile) -> Choice | None:
        """None for a session that does not choose. OSError of the disk."""
        if not kind_of(session.programme).chooses:
            self.forget()
            return None
        chooser = self._chooser_of(session)
        self._choice = chooser.choose(session.planned, self._clock.moment(), bad_weather=self.bad_weather)
        return self._choice

    def could_choose(self, session: SessionFile, begin: Moment, end: Moment) -> bool:
        """Whether a session that chooses had something to expose in this time. OSError of the disk."""
        return self._chooser_of(session).could_choose(begin, end)

    def _chooser_of(self, session: SessionFile) -> Chooser:
        spool = self._store.spool
        if self._chooser is None or self._session != session.id:
            self._chooser, self._session = kind_of(session.programme).open_chooser(spool, session), session.id
        return self._chooser

    def confirm(self, index: int) -> None:
        """The plan of the exposure that was chosen for `index` is on the disk."""
        if self._chooser is not None:
            self._chooser.confirm(index)

    @property
    def wait(self) -> Wait | None:
        """Why nothing is exposed now; None if something is, and for a session that does not choose."""
        return self._choice if isinstance(self._choice, Wait) else None

    def forget(self) -> None:
        self._chooser, self._session, self._choice = None, "", None


class DueStills:
    """Its caller holds the lock of the store."""

    def __init__(
        self, clock: CameraClock, store: SessionStore, account: SessionAccount, choices: SessionChoices
    ) -> None:
        self._clock, self._store, self._account, self._choices = clock, store, account, choices

    def find(self, session: SessionFile, *, unreachable: bool) -> Due | None:
        """The next start of a session without an open capture. Finishes the session after its last capture."""
        if not session.follows_time:
            self._finish_paused(session)
            return None
        account = self._account
        place = account.advance_windows(session, account.outage)
        if not unreachable:
            account.end_outage(session, place)
        schedule = account.schedule(session)
        if place == "over" or schedule.is_over:
            # Also while the camera is away: no later call would record the starts that it missed until the end.
            if place == "inside":
                account.close_gap(session)
            self._store.change_state(session, "finished")
            return None
        state: State = "running" if place == "inside" else "waiting"
        if session.state != state:
            self._store.change_state(session, state)
        due = self._describe(schedule)
        if isinstance(due, Finished):
            self._store.change_state(session, "finished", message=due.reason)
            return None
        return due

    def find_beside(self, session: SessionFile) -> Due | None:
        """The next start while pictures of earlier captures are fetched. None when it has to wait for their outcomes:
        at the end of the session or of a window, and when starts were missed."""
        if not session.is_running or not self._account.may_overlap(session):
            return None
        schedule = self._account.schedule(session)
        if schedule.is_over or schedule.past_end_s > 0 or schedule.missed_starts(after_outage=False):
            return None
        due = self._describe(schedule)
        # The session finishes once the pictures have their outcomes.
        return None if isinstance(due, Finished) else due

    def _describe(self, schedule: SessionSchedule) -> Due | Finished:
        session, shot = schedule.session, schedule.shot
        requested, following = schedule.cycle.shots[shot], self._following(schedule)
        due = Due(session.id, session.planned, schedule.start_s, requested, shot, following)
        if due.in_s > 0:
            return due
        match self._choices.choose(session):
            case NextExposure() as chosen:
                return replace(due, requested=chosen.requested, following=None, observation=chosen.observation)
            case Wait() as wait:
                return replace(due, in_s=wait.seconds)
            case Finished() as finished:
                return finished
            case None:
                return due

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
            self._store.change_state(session, "finished")
