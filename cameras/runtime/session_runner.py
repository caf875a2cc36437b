"""When the next still of a session is due, and which stills an outage prevented.

With `cadence_s` the index follows the time from start to start, without drift. With `delay_s` the next start follows
the end of the previous capture, and the index counts. In both, an outage is one gap, whose captures count as skipped.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cameras.runtime.clock import CameraClock
from cameras.spool.recovery import settle_session
from cameras.spool.session_files import DesiredSession, Moment, SessionFile, session_name
from cameras.spool.spool import Record, Spool

log = logging.getLogger(__name__)
LATE_S = 0.25
"""With a cadence, a start that is later than this is missed, unless its exposure still fits before the next start."""

REMEMBERED = 100
"""Ended sessions that are remembered: the ingest removes their files, and a late command must not start them again."""
READOUT_S = 1.0
"""Seconds from the exposure to the picture, for a camera that does not report it."""
OVERRUN = ("overrun", "The previous capture took longer than the cadence.")


@dataclass(frozen=True, slots=True)
class Due:
    """The next still of the session: its index, and the seconds until it should start."""

    session: str
    index: int
    in_s: float


class SessionRunner:
    """The one session of a camera. The camera loop asks for the next start, and the still thread settles captures; one
    lock guards both.

    The lock is held while the session's file is written durably. `describe_session` does not take it: a slow disk must
    not silence a healthy camera process.
    """

    def __init__(self, clock: CameraClock, camera: str, slug: str, root: str) -> None:
        self.clock, self.camera, self.slug, self.root = clock, camera, slug, root
        self._lock = threading.RLock()
        self._planned = -1
        self._reported: list[str] = []
        self._ended: deque[SessionFile] = deque(maxlen=REMEMBERED)
        self._outage: tuple[str, str] | None = None
        self._length_s, self._readout_s, self._took_s = 0.0, READOUT_S, 0.0
        self._began: Moment | None = None
        self.spool: Spool | None = None
        self.session: SessionFile | None = None
        self._snapshot: SessionFile | None = None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; `describe_session` sees it when it is complete."""
        with self._lock:
            try:
                yield
            finally:
                self._snapshot = replace(self.session) if self.session else None

    # Attaching and detaching the spool

    def attach_spool(self, spool: Spool) -> None:
        """Resume the session that the spool holds."""
        with self._changing():
            self.spool = spool
            self.session = next((found for found in self._load_sessions(spool) if found.active), None)
            if self.session:
                self._count_from(self.session)
                self._outage = ("interrupted", "The camera process was not running.")

    def _load_sessions(self, spool: Spool) -> list[SessionFile]:
        found = []
        for name in spool.names():
            if name.startswith("session-"):
                with contextlib.suppress(FileNotFoundError):  # the ingest removed it meanwhile
                    found.append(SessionFile.load(spool, name))
        return found

    def detach_spool(self) -> None:
        with self._changing():
            self.spool = self.session = None

    # The desired state

    def apply_desired_session(
        self, desired_session: DesiredSession, used: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Bring the session to its desired state; a lower revision changes nothing. Returns once its file is durable.

        `used`: what the camera will use (`actual`, `warnings`), recorded with the start of a session. SessionBusy.
        """
        with self._changing():
            spool = self._require_spool()
            known = self._find_session(spool, desired_session["id"])
            if known is None:
                known = self._begin_session(spool, desired_session, used or {})
            elif known.active and desired_session["revision"] >= known.revision:
                self._change_state(spool, known, desired_session)
            return self._describe_file(known)

    @property
    def is_running(self) -> bool:
        """Whether a session runs, and is not paused."""
        session = self.session
        return session is not None and session.state == "running"

    @property
    def has_cadence(self) -> bool:
        """Whether the session has a cadence, so that a late start is lost."""
        session = self.session
        return session is not None and self.is_running and "cadence_s" in session.programme

    def has_session(self, session: str) -> bool:
        with self._lock:
            return self._find_session(self._require_spool(), session) is not None

    def _find_session(self, spool: Spool, session: str) -> SessionFile | None:
        if self.session and self.session.id == session:
            return self.session
        name = session_name(session)
        if spool.files.size(spool.folder, name) is not None:
            return SessionFile.load(spool, name)
        return next((ended for ended in self._ended if ended.id == session), None)

    def _begin_session(self, spool: Spool, desired_session: DesiredSession, used: dict[str, Any]) -> SessionFile:
        """A session that was stopped before it began is recorded as stopped, and does not use the camera."""
        if desired_session["desired"] != "stopped" and self.session and self.session.active:
            raise SessionBusy(self.session)
        session = SessionFile.begin(desired_session, self.camera, self.slug, self.root, self.clock.moment())
        if desired_session["desired"] == "stopped":
            session.change_state("stopped", "session_stopped", "It was stopped before it began.")
        else:
            session.change_state("running" if desired_session["desired"] == "running" else "paused", **used)
            self.session = session
            self._count_from(session)
        self._report_session(spool, session)
        return session

    def _count_from(self, session: SessionFile) -> None:
        """Start counting from this session. The duration of its captures is not known yet."""
        self._planned, self._began = session.settled, None
        self._length_s = self._took_s = 0.0

    def _change_state(self, spool: Spool, session: SessionFile, desired_session: DesiredSession) -> None:
        session.revision = desired_session["revision"]
        desired = desired_session["desired"]
        if desired == session.state:
            return
        if session.state == "paused":
            self._outage = ("vetoed", "The session was paused.")
        self._close_gap(session)
        session.change_state(desired, "session_stopped" if desired == "stopped" else "")
        self._report_session(spool, session)
        if not session.active:
            self.session = None

    def _report_session(self, spool: Spool, session: SessionFile) -> None:
        self._reported += session.save_and_send(spool)
        if not session.active:
            self._ended.append(session)

    def pop_reported(self) -> list[str]:
        """Ids of the records that were sent since the last call."""
        with self._lock:
            reported, self._reported = self._reported, []
            return reported

    # The next start

    def next_due(self, length_s: float, readout_s: float = 0.0, *, unreachable: bool = False) -> Due | None:
        """The next start, or None when there is none. Finishes the session after its last capture.

        `length_s` is the duration of an exposure, and `readout_s` the longest time from its end to the picture. While
        the camera is `unreachable` no gap is recorded; one is, once it is back.
        """
        with self._changing():
            session = self.session
            if session is None or session.state != "running" or self._planned > session.settled:
                return None
            self._length_s, self._readout_s = length_s, readout_s
            self._anchor_to_this_boot(session)
            if not unreachable:
                self._close_gap(session)
            if self._is_over(session):
                self._close_gap(session)
                self._finish_session(session)
                return None
            index = session.settled + 1
            return Due(session.id, index, self._start_s(session, index))

    def _anchor_to_this_boot(self, session: SessionFile) -> None:
        """From now on a jump of the wall clock moves no start, even if the session began before the last boot.

        If the last capture lies in the future, the wall clock is behind: then no time counts as passed.
        """
        now = self.clock.moment()
        anchor, last_end = session.anchor.on_boot_of(now), session.last_end.on_boot_of(now)
        ahead_s = max(0.0, last_end.boot_s - now.boot_s)
        session.anchor, session.last_end = anchor.earlier(ahead_s), last_end.earlier(ahead_s)

    def _start_s(self, session: SessionFile, index: int) -> float:
        """Seconds from now until `index` should start; negative when that time has passed."""
        now = self.clock.moment()
        if "cadence_s" in session.programme:
            return index * session.programme["cadence_s"] - session.anchor.seconds_until(now)
        first = index == 0 or session.last_end == session.anchor
        return (0.0 if first else session.programme.get("delay_s", 0.0)) - session.last_end.seconds_until(now)

    def _missed_starts(self, session: SessionFile) -> int:
        """How many starts are missed. A session with `delay_s` misses starts in an outage only."""
        late = -self._start_s(session, session.settled + 1)
        if "cadence_s" not in session.programme:
            return max(0, math.floor(late / self._step_s(session))) if self._outage else 0
        cadence = session.programme["cadence_s"]
        tolerance_s = max(LATE_S, cadence - self._length_s)
        if late <= tolerance_s:
            return 0
        passed = math.floor(late / cadence)
        return passed if late - passed * cadence <= tolerance_s else passed + 1

    def _step_s(self, session: SessionFile) -> float:
        """Seconds from one start to the next, rather too long than too short: a gap must not count more captures than
        the camera could have taken."""
        programme = session.programme
        if "cadence_s" in programme:
            return programme["cadence_s"]
        length_s = max(self._length_s, programme["exposure_us"] / 1e6) + self._readout_s
        return max(0.001, length_s, self._took_s) + programme.get("delay_s", 0.0)

    def _close_gap(self, session: SessionFile) -> None:
        if self._planned > session.settled:
            return
        missed = min(self._captures_left(session), self._starts_before_until(session, self._missed_starts(session)))
        if missed > 0:
            self._add_gap(session, missed, self._outage or OVERRUN)

    def note_outage(self, reason: str, message: str) -> None:
        """Set the reason for starts that are missed from now on; the gap reports it."""
        with self._lock:
            self._outage = (reason, message)

    def _add_gap(self, session: SessionFile, missed: int, why: tuple[str, str]) -> None:
        now = self.clock.moment()
        session.add_gap(session.last_end, now, missed, *why)
        session.last_end = now
        self._planned = session.settled
        self._outage = None
        self._report_session(self._require_spool(), session)

    def _captures_left(self, session: SessionFile) -> int:
        count = session.programme.get("count")
        return count - session.planned if count is not None else 1 << 60

    def _starts_before_until(self, session: SessionFile, missed: int) -> int:
        """How many of the missed starts lie before `until`; all, while `until` has not passed."""
        beyond = self._seconds_past_until(session)
        if beyond <= 0:
            return missed
        late = -self._start_s(session, session.settled + 1) - beyond
        return max(0, math.floor(late / self._step_s(session)) + 1)

    def _seconds_past_until(self, session: SessionFile) -> float:
        until = session.programme.get("until")
        if until is None:
            return -math.inf
        return self.clock.moment().wall - datetime.fromisoformat(until).timestamp()

    def _is_over(self, session: SessionFile) -> bool:
        index = session.settled + 1
        past_until = self._seconds_past_until(session) + max(0.0, self._start_s(session, index)) > 0
        return self._captures_left(session) <= 0 or past_until

    def _finish_session(self, session: SessionFile) -> None:
        session.change_state("finished")
        self._report_session(self._require_spool(), session)
        self.session = None

    # Counting captures

    def mark_planned(self, index: int) -> None:
        """The plan for `index` is on the disk. Nothing is due until it is settled."""
        with self._lock:
            self._planned, self._began = index, self.clock.moment()

    def settle_capture(self, spool: Spool, record: Record) -> None:
        """Count a capture in its session, before the ingest can see the record."""
        with self._changing():
            session, body = self.session, record["body"]
            if session is None or body.get("session") != session.id:
                settle_session(spool, record)
                return
            session.last_end = self.clock.moment()
            session.count_outcome(body["index"], body["outcome"], body.get("exposure_us") or 0)
            self._planned = session.settled
            if body["outcome"] == "saved":
                self._outage = None
                self._took_s = self._began.seconds_until(session.last_end) if self._began else 0.0
            session.save(spool)

    def fail_session(self, reason: str, message: str) -> None:
        """End the session, because it cannot continue."""
        with self._changing():
            if self.session and self.spool:
                self.session.change_state("failed", reason, message)
                self._report_session(self.spool, self.session)
                self.session = None

    def describe_session(self) -> dict[str, Any]:
        """The session as of the last complete change. Never waits."""
        shown = self._snapshot
        return self._describe_file(shown) if shown else {}

    def _describe_file(self, found: SessionFile) -> dict[str, Any]:
        start = self._start_s(found, found.settled + 1) if found.state == "running" else None
        return {
            "id": found.id,
            "name": found.name,
            "state": found.state,
            "revision": found.revision,
            "planned": found.planned,
            "saved": found.saved,
            "failed": found.failed,
            "skipped": found.skipped,
            "count": found.programme.get("count"),
            "until": found.programme.get("until"),
            "next_in_s": None if start is None else round(max(0.0, start), 3),
        }

    def _require_spool(self) -> Spool:
        if self.spool is None:
            raise RuntimeError("The session has no spool.")
        return self.spool


class SessionBusy(Exception):
    def __init__(self, session: SessionFile) -> None:
        super().__init__(f"The session {session.name or session.id} runs on this camera. Stop it first.")
        self.session = session.id
