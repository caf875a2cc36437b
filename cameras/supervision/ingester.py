"""Records of the spools on their way into the database, and the callers that wait for them."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cameras.spool.records import Record
from cameras.supervision.answers import record_answer
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ended_sessions import EndedSessions
from cameras.supervision.ingest import OpenedSpool, SpoolIngester
from cameras.supervision.ingest_alerts import raise_unreadable_alert
from cameras.supervision.last_captures import LastCaptures
from cameras.supervision.ports import AnswerSink, Fence, Waker
from cameras.supervision.unreadable_records import SpoolKey, UnreadableRecords
from core.background import log_and_continue

log = logging.getLogger(__name__)
ANSWER_WAIT_S = 1.0
"""A caller is answered with the record itself when the database has not ingested it after this long."""
RECORD_WAIT_S = 60.0
"""For so long the later records of a spool wait for those that cannot be read, however many these are."""


@dataclass(slots=True)
class Spooled:
    """A record that waits for the database, and the command that waits for the record."""

    desired: DesiredState
    record: str
    command: str
    since: float
    _claim: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def spool(self) -> SpoolKey:
        return self.desired.root_path, self.desired.id, self.desired.part

    def claim(self) -> bool:
        """True for one caller only: the thread that answers."""
        # Never released: the first thread that claims keeps the claim.
        return bool(self.command) and self._claim.acquire(blocking=False)


class Ingester:
    """A queue of records, and a queue of answers that wait for them. Any thread adds to the queues; the database thread
    works them off; `answer_late_callers` runs on a thread of its own. `Spooled.claim` decides which thread answers."""

    def __init__(
        self,
        fence: Fence,
        slots: Mapping[str, CameraSlot],
        answers: AnswerSink,
        ended_sessions: EndedSessions,
        last_captures: LastCaptures,
        wake: Waker,
        answer_wait_s: float = ANSWER_WAIT_S,
        record_wait_s: float = RECORD_WAIT_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wake` wakes the database thread."""
        self._now = now
        self._fence, self._slots, self._answers, self._wake = fence, slots, answers, wake
        self._answer_wait_s, self._record_wait_s = answer_wait_s, record_wait_s
        self._ended_sessions, self._last_captures = ended_sessions, last_captures
        # Without a lock: `append` and `popleft` of a deque are atomic, and only the database thread removes.
        self._spooled: deque[Spooled] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._unreadable = UnreadableRecords()

    # On any thread

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._spooled)

    def ingest_record(self, desired: DesiredState, record: str, command: str) -> None:
        """Ingest a record of the spool, then answer `command`; `command` is empty when no caller waits."""
        self._spooled.append(Spooled(desired, record, command, self._now()))
        self._wake()

    def call_after_ingest(self, call: Callable[[], None]) -> None:
        """Make a call that answers about records: after the records before it are ingested, or the database is away."""
        if not self._spooled:
            call()
            return
        self._calls.append(call)
        self._wake()

    # On the database thread

    def ingest_waiting(self) -> None:
        """Ingest every record that waits. Raises DatabaseError while the database is away; the record then stays first.
        A spool that cannot be read delays no other: its records wait for its next record, or for the next sweep."""
        while self._spooled:
            try:
                self._ingest_in_order(self._spooled[0])
            except OSError as error:
                log.error("The spool of %s cannot be opened: %s", self._spooled[0].desired.slug, error)
            self._spooled.popleft()

    def make_waiting_calls(self, *, is_away: bool) -> None:
        """Make the calls of `call_after_ingest` whose turn has come. One that fails must not end the thread."""
        while self._calls and (is_away or not self._spooled):
            with log_and_continue("late answer"):
                self._calls.popleft()()

    def _ingest_in_order(self, spooled: Spooled) -> None:
        """A capture that is ingested before the first record of its session would lose its session. So the records of a
        spool wait for one before them that cannot be read, for a time."""
        for record in self._earlier_records(spooled):
            if not self._try_ingest(Spooled(spooled.desired, record, "", spooled.since)):
                self._answer_from_spool(spooled)
                return
        self._try_ingest(spooled)

    def _earlier_records(self, spooled: Spooled) -> list[str]:
        """None while every record of the spool can be read: then they come in their order."""
        if not self._unreadable.are_in(spooled.spool):
            return []
        with OpenedSpool(spooled.desired) as spool:
            waiting = spool.waiting_records()
        self._unreadable.note_waiting(spooled.spool, waiting, self._now())
        return [record for record in waiting if record < spooled.record]

    def _try_ingest(self, spooled: Spooled) -> bool:
        """False when the later records of its spool have to wait for this one."""
        try:
            self._ingest(spooled)
        except OSError as error:
            log.error("The record %s of %s cannot be read: %s", spooled.record, spooled.desired.slug, error)
            if self._unreadable.add(spooled.spool, spooled.record, self._now()) < self._record_wait_s:
                return False
            raise_unreadable_alert(spooled.desired, spooled.record, error)
            return True
        self._unreadable.remove(spooled.spool, spooled.record)
        return True

    def _ingest(self, spooled: Spooled) -> None:
        """The row first, then the answer, then the removal of the record: a kill between them repeats, and loses
        nothing."""
        with OpenedSpool(spooled.desired) as spool:
            record = spool.ingest(spooled.record, functools.partial(self._answer, spooled), self._fence)
            # For a record that was rejected or is gone: no row was committed.
            self._answer(spooled, record)
            if record is not None:
                if record["kind"] == "capture":
                    self._last_captures.note(spooled.desired.id, record)
                try:
                    self._remove_record(spool, spooled.desired.id, record)
                # Its row is committed. The next sweep ingests it again, which changes nothing, and removes it.
                except OSError as error:
                    log.error("The record %s of %s cannot be removed: %s", spooled.record, spool.slug, error)

    def _answer(self, spooled: Spooled, record: Record | None) -> None:
        if spooled.claim():
            self._answers.send_response(spooled.command, record_answer(record))

    def _remove_record(self, spool: SpoolIngester, camera: str, record: Record) -> None:
        """Keep the end of a session while a process may have been sent that session: without the session's file it
        would start again. Once that process has recovered, or is gone, the record is ingested again and removed."""
        if record["kind"] == "session" and "settles" in record:
            # Before `recovers` is read: `start_process` sets `is_starting` before it reads the ended sessions, so at
            # least one of the two threads sees the other.
            self._ended_sessions.add(record["body"]["session"])
            slot = self._slots.get(camera)
            if slot is not None and slot.recovers:
                return
        spool.remove_record(record)

    # On the thread of the late answers

    def answer_late_callers(self) -> None:
        """Callers that wait longer than `answer_wait_s` for the database get the record itself: it is already safe."""
        for spooled in list(self._spooled):
            if self._now() - spooled.since > self._answer_wait_s:
                self._answer_from_spool(spooled)

    # On either thread

    def _answer_from_spool(self, spooled: Spooled) -> None:
        if spooled.claim():
            # A record that is ingested and removed just before gives null: the caller then reads the row.
            with log_and_continue("late answer"), OpenedSpool(spooled.desired) as spool:
                self._answers.send_response(spooled.command, record_answer(spool.read_record(spooled.record)))
