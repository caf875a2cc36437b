"""Runs the one session of a camera: its desired state, its captures and its outages. `SessionStore` has its file,
`DueStills` its next start, and `SessionAccount` counts its captures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from cameras.exposure.control import ControlState, explain
from cameras.programmes.kinds import NextExposure, Wait
from cameras.runtime.clock import CameraClock
from cameras.runtime.due_stills import Due, DueStills, SessionChoices
from cameras.runtime.messages import SessionStatus
from cameras.runtime.session_account import NOT_RUNNING, PAUSED, Place, SessionAccount
from cameras.runtime.session_store import SessionStore
from cameras.spool.moments import iso, seconds_of
from cameras.spool.records import CaptureRecord, UsedSettings
from cameras.spool.recovery import settle_observation, settle_session
from cameras.spool.session_files import DesiredSession, SessionFile, State
from cameras.spool.spool import Spool


class SessionRunner:
    """The camera loop asks for the next start, and the still thread settles captures; the lock of the store guards
    both.

    The lock is held while the session's file is written durably. `describe_session` does not take it: a slow disk must
    not silence a healthy camera process. The states of a session and their moves: `cameras.spool.session_files.MOVES`.
    """

    def __init__(self, clock: CameraClock, camera: str, slug: str, root: str) -> None:
        self._clock, self._camera, self._slug, self._root = clock, camera, slug, root
        self.store = SessionStore(clock)
        self._choices = SessionChoices(clock, self.store)
        self._account = SessionAccount(clock, self.store.save, self._choices.could_choose)
        self._due = DueStills(clock, self.store, self._account, self._choices)
        self._snapshot: SessionFile | None = None
        self._yields = False
        """Whether a planned run waits until no capture is open."""

    @property
    def session(self) -> SessionFile | None:
        return self.store.session

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; `describe_session` sees it when it is complete."""
        with self.store.lock:
            try:
                yield
            finally:
                # A copy, replaced in one assignment: the reporting thread reads it without the lock.
                self._snapshot = replace(self.session) if self.session else None

    def attach_spool(self, spool: Spool) -> None:
        """Resume the session that the spool holds."""
        with self._changing():
            self.store.attach_spool(spool)
            if self.session:
                self._account.begin(self.session)
                # What prevented its starts when the process before this one ended, rather than that it ended.
                self._account.outage = self.session.outage or NOT_RUNNING

    def detach_spool(self) -> None:
        with self._changing():
            self.store.detach_spool()
            self._choices.forget()

    # Desired states

    def apply_desired_session(self, desired: DesiredSession, used: UsedSettings | None = None) -> SessionStatus:
        """Bring the session to its desired state; a lower revision changes nothing. Returns once its file is durable.

        `used`: what the camera will use, recorded with the start of a session. SessionBusy.
        """
        with self._changing():
            session = self.store.find(desired["id"])
            if session is None:
                session = self._begin(desired, used)
            elif session.active and desired["revision"] >= session.revision:
                session.revision = desired["revision"]
                if differs(session, desired):
                    # Before the move: the starts until now belong to the old state and its reason.
                    place = self._account.settle(session, PAUSED if session.state == "paused" else None)
                    reason = "session_stopped" if desired["desired"] == "stopped" else ""
                    self.store.change_state(session, state_of(desired, place), reason)
            return describe(session, self._account, self._choices.wait)

    def _begin(self, desired: DesiredSession, used: UsedSettings | None) -> SessionFile:
        """A session that was stopped before it began is recorded as stopped, and does not use the camera."""
        if desired["desired"] != "stopped" and self.session and self.session.active:
            raise SessionBusy(self.session)
        session = SessionFile.begin(desired, self._camera, self._slug, self._root, self._clock.moment())
        if desired["desired"] == "stopped":
            self.store.change_state(session, "stopped", "session_stopped", "It was stopped before it began.")
            return session
        self._account.begin(session)
        # Windows that are over already are accounted for by the first `next_due`.
        is_inside = self._account.schedule(session).start_s <= 0 or session.next_window is None
        self.store.change_state(session, state_of(desired, "inside" if is_inside else "before"), used=used)
        return session

    def fail_session(self, reason: str, message: str) -> None:
        """End the session, because it cannot continue."""
        with self._changing():
            if self.session:
                self.store.change_state(self.session, "failed", reason, message)

    def stop_for(self, run: str) -> bool:
        """Stop the session, because the planned run of this name takes the camera over. False while a capture of the
        session is open."""
        with self._changing():
            session = self.session
            if session is None:
                return True
            if self._account.progress.has_open_capture(session):
                self._yields = True
                return False
            self._account.settle(session, PAUSED if session.state == "paused" else None)
            message = f"The planned run {run} took the camera over."
            self.store.change_state(session, "stopped", "camera_held", message)
            return True

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
            if self._account.progress.has_open_capture(session):
                # Its index has no outcome yet, so nothing else of the session may change.
                return self._due.find_beside(session) if overlaps and not (unreachable or yields) else None
            self._account.progress.set_readout(readout_s)
            session.anchor_to_boot_of(self._clock.moment())
            return self._due.find(session, unreachable=unreachable)

    def waits_for_weather(self) -> bool:
        """Whether the session chooses its exposures, and would take none in bad weather now."""
        with self.store.lock:
            session = self.session
            if session is None or not session.is_running:
                return True
            self._choices.bad_weather = True
            return not isinstance(self._choices.choose(session), NextExposure)

    # Automatic exposure

    @property
    def is_between_cycles(self) -> bool:
        """Whether the next capture begins a cycle. Within a cycle the settings stay."""
        with self.store.lock:
            session = self.session
            # Until it is exposed a capture is not counted: the first one of a cycle would still seem to be before it.
            if session is None or self._account.progress.is_exposing(session):
                return False
            return not self._account.schedule(session).rest

    def set_control(self, session: SessionFile, control: ControlState) -> None:
        """It is saved with the next capture: after a kill before that, the same frame leads to the same state."""
        with self._changing():
            session.control = control

    # Captures and missed starts

    def note_outage(self, reason: str, message: str) -> None:
        """Set the reason for starts that are missed from now on; the gap reports it, also after a restart."""
        with self.store.lock:
            self._account.outage = (reason, message)
            session = self.session
            if session is None or not session.follows_time or (session.outage and session.outage[0] == reason):
                return
            session.outage = (reason, message)
            # On a disk that cannot be written to, the next change of the session stores it.
            with contextlib.suppress(OSError):
                session.save(self.store.spool)

    def note_end(self, reason: str, message: str) -> None:
        """Why the process before this one ended: the reason for missed starts, unless they were missed already."""
        with self.store.lock:
            if self.session is not None and self.session.outage is None:
                self._account.outage = (reason, message)

    def mark_planned(self, index: int) -> None:
        """The plan for `index` is on the disk. Nothing is due until it is exposed or settled."""
        with self.store.lock:
            self._account.progress.mark_planned(index, self._clock.moment())
            self._choices.confirm(index)

    def mark_exposed(self, index: int) -> None:
        """The exposure of `index` has ended, and its picture is fetched from now on."""
        with self.store.lock:
            self._account.progress.mark_exposed(index, self._clock.moment())

    def settle_capture(self, spool: Spool, record: CaptureRecord) -> None:
        """Count a capture in its session, before the ingest can see the record."""
        with self._changing():
            session, body = self.session, record["body"]
            index = body["index"]
            if session is None or body["session"] != session.id or index is None:
                settle_session(spool, record)
                return
            self.store.reported += settle_observation(spool, record)
            self._account.count(session, index, body)
            session.save(spool)

    def describe_session(self) -> SessionStatus | None:
        """The session as of the last complete change. Never waits."""
        shown = self._snapshot
        return describe(shown, self._account, self._choices.wait) if shown else None


def differs(session: SessionFile, desired: DesiredSession) -> bool:
    return not session.follows_time if desired["desired"] == "running" else session.state != desired["desired"]


def state_of(desired: DesiredSession, place: Place) -> State:
    """A session that should run waits outside of its windows."""
    return "waiting" if desired["desired"] == "running" and place == "before" else desired["desired"]


def describe(session: SessionFile, account: SessionAccount, waits: Wait | None) -> SessionStatus:
    """`waits`: why a session that chooses its exposures takes none now."""
    start_s = account.schedule(session).start_s if session.follows_time else None
    wait = waits if session.is_running else None
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
        interval_s=account.interval_s(session) if expects else None,
        exposure=explain(session.control) if session.control else None,
        waits=wait.reason if wait else "",
    )


class SessionBusy(Exception):
    def __init__(self, session: SessionFile) -> None:
        super().__init__(f"The session {session.name or session.id} runs on this camera. Stop it first.")
        self.session = session.id
