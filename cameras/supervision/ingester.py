"""Records of the spools on their way into the database, and the callers that wait for them."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cameras.spool.failpoints import hit_failpoint
from cameras.spool.records import Record
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import LastCaptures
from cameras.supervision.command_results import record_answer
from cameras.supervision.desired_state import DesiredState, EndedSessions
from cameras.supervision.ingest import (
    WRONG_RECORD,
    OpenedSpool,
    OpenedSpools,
    SpoolIngester,
    ingest_records,
    raise_unreadable_alert,
)
from cameras.supervision.ports import AnswerSink, Fence, Waker
from core.background import log_and_continue

log = logging.getLogger(__name__)

SpoolKey = tuple[str, str, str]
"""Root's path, camera's id and part: tells a spool from all others of this host."""


class UnreadableRecords:
    """Only one thread may use it. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._since: dict[SpoolKey, dict[str, float]] = {}
        self._waiting: dict[SpoolKey, dict[str, float]] = {}
        """Of the spools with an unreadable record: since when each of their records waits."""

    def are_in(self, spool: SpoolKey) -> bool:
        return spool in self._since

    def note_waiting(self, spool: SpoolKey, records: Iterable[str], now: float) -> None:
        """All records that are in the spool while one of them cannot be read."""
        before = self._waiting.get(spool, {})
        self._waiting[spool] = {record: before.get(record, now) for record in records}

    def add(self, spool: SpoolKey, record: str, now: float) -> float:
        """The seconds since it could not be read for the first time. Those for which it was not tried, because it
        waited for another one, count: else the delays of several such records would add up."""
        since = self._waiting.get(spool, {}).get(record, now)
        return now - self._since.setdefault(spool, {}).setdefault(record, since)

    def remove(self, spool: SpoolKey, record: str) -> None:
        """One that was read, or is gone; nothing happens if it was never added."""
        records = self._since.get(spool, {})
        records.pop(record, None)
        if not records:
            self._since.pop(spool, None)
            self._waiting.pop(spool, None)


ANSWER_WAIT_S = 1.0
CALL_WAIT_S = 0.3
"""A command is answered after this long, although records that were reported before its answer still wait."""
RECORD_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class IngestWaits:
    """In seconds."""

    answer_s: float = ANSWER_WAIT_S
    """A caller is answered with the record itself when the database has not ingested it after this long."""
    record_s: float = RECORD_WAIT_S
    """For so long the later records of a spool wait for those that cannot be read, however many these are."""


TURN_S = 0.2
"""For so long records are ingested until commands, desired states and events have their turn."""
MAX_BATCH = 100
MAX_BATCH_S = 0.1
"""The longest transaction: with the tables locked, web requests wait for its end."""


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

    @property
    def key(self) -> tuple[SpoolKey, str]:
        return self.spool, self.record

    def claim(self) -> bool:
        """True for one caller only: the thread that answers."""
        # Never released: the first thread that claims keeps the claim.
        return bool(self.command) and self._claim.acquire(blocking=False)


class BatchSize:
    """How many records the next transaction takes: fewer after one that took too long or was refused."""

    def __init__(self) -> None:
        self.records = MAX_BATCH

    def note_stored(self, took_s: float) -> None:
        self.records = max(1, self.records // 2) if took_s > MAX_BATCH_S else min(MAX_BATCH, self.records * 2)

    def note_refused(self, records: int) -> None:
        """One of them is wrong. In ever smaller batches the others are stored without it, and it is refused alone."""
        self.records = max(1, records // 2)


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
        waits: IngestWaits = IngestWaits(),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wake` wakes the database thread."""
        self._now = now
        self._fence, self._slots, self._answers, self._wake = fence, slots, answers, wake
        self._waits = waits
        self._ended_sessions, self._last_captures = ended_sessions, last_captures
        # `append`, `popleft` and `list` of a deque are atomic, and only the database thread removes.
        self._spooled: deque[Spooled] = deque()
        self._queued: set[tuple[SpoolKey, str]] = set()
        self._queued_lock = threading.Lock()
        self._calls: deque[tuple[Callable[[], None], float]] = deque()
        self._unreadable = UnreadableRecords()
        self._batch = BatchSize()

    # On any thread

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._spooled)

    def ingest_record(self, desired: DesiredState, record: str, command: str) -> None:
        """Ingest a record of the spool, then answer `command`; `command` is empty when no caller waits."""
        spooled = Spooled(desired, record, command, self._now())
        with self._queued_lock:
            # The sweeps find what still waits here again and again.
            if not command and spooled.key in self._queued:
                return
            self._queued.add(spooled.key)
            self._spooled.append(spooled)
        self._wake()

    def call_after_ingest(self, call: Callable[[], None]) -> None:
        """Make a call that answers about records: after the records before it are ingested, or the database is away,
        or CALL_WAIT_S later."""
        if not self._spooled:
            call()
            return
        self._calls.append((call, self._now()))
        self._wake()

    # On the database thread

    def ingest_waiting(self) -> bool:
        """Ingest the records that wait, for TURN_S at most; whether there are more. Raises DatabaseError while the
        database is away; the records then stay first. A spool that cannot be read delays no other: its records wait
        for its next record, or for the next sweep."""
        began = self._now()
        while self._spooled and self._now() - began < TURN_S:
            batch_began = self._now()
            if self._ingest_next():
                self._batch.note_stored(self._now() - batch_began)
        return bool(self._spooled)

    def make_waiting_calls(self, *, is_away: bool) -> None:
        """Make the calls of `call_after_ingest` whose turn has come. One that fails must not end the thread."""
        while self._calls and (is_away or not self._spooled or self._now() - self._calls[0][1] > CALL_WAIT_S):
            call, _ = self._calls.popleft()
            with log_and_continue("late answer"):
                call()

    def _ingest_next(self) -> bool:
        """False when a batch was refused."""
        with OpenedSpools() as spools:
            batch = self._read_batch(spools)
            if len(batch) > 1:
                return self._ingest_batch(spools, batch)
        try:
            self._ingest_in_order(self._spooled[0])
        except OSError as error:
            log.error("The spool of %s cannot be opened: %s", self._spooled[0].desired.slug, error)
        self._remove_first()
        return True

    def _read_batch(self, spools: OpenedSpools) -> list[tuple[Spooled, Record | None]]:
        """The records from the first one on that can be read; None for one that is gone. Less than two where the first
        ones have to be ingested one by one."""
        batch: list[tuple[Spooled, Record | None]] = []
        ids: set[str] = set()
        # What cannot be read ends the batch; alone, as the first one, it is logged or rejected.
        with contextlib.suppress(OSError, *WRONG_RECORD):
            for spooled in list(self._spooled)[: self._batch.records]:
                if spooled.record in ids or self._unreadable.are_in(spooled.spool):
                    break
                batch.append((spooled, spools.open(spooled.desired).read_record(spooled.record)))
                ids.add(spooled.record)
        return batch

    def _ingest_batch(self, spools: OpenedSpools, batch: list[tuple[Spooled, Record | None]]) -> bool:
        """Ingest the first records in one transaction; False when they are refused together."""
        found = {record["id"]: (spooled, record) for spooled, record in batch if record is not None}
        records = [record for _, record in found.values()]
        try:
            ingest_records(records, lambda record: self._answer(found[record["id"]][0], record), self._fence)
        except WRONG_RECORD as error:
            log.warning(
                "%d records were refused together (%s): they are tried in smaller batches.", len(records), error
            )
            self._batch.note_refused(len(batch))
            return False
        hit_failpoint("after_commit")
        for spooled, record in batch:
            self._answer(spooled, record)
        by_spool = sorted(found.values(), key=lambda one: one[0].spool)
        for _, group in itertools.groupby(by_spool, key=lambda one: one[0].spool):
            of_spool = list(group)
            self._finish_records(spools.open(of_spool[0][0].desired), of_spool)
        for _ in batch:
            self._remove_first()
        return True

    def _remove_first(self) -> None:
        with self._queued_lock:
            self._queued.discard(self._spooled.popleft().key)

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
            if self._unreadable.add(spooled.spool, spooled.record, self._now()) < self._waits.record_s:
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
                self._finish_records(spool, [(spooled, record)])

    def _answer(self, spooled: Spooled, record: Record | None) -> None:
        if spooled.claim():
            self._answers.send_response(spooled.command, record_answer(record))

    def _finish_records(self, spool: SpoolIngester, ingested: Sequence[tuple[Spooled, Record]]) -> None:
        """Remove records of one spool from it, whose rows are committed."""
        for spooled, record in ingested:
            if record["kind"] == "capture":
                self._last_captures.note(spooled.desired.id, record)
        spool.remove_records([record for spooled, record in ingested if not self._is_kept(spooled.desired.id, record)])

    def _is_kept(self, camera: str, record: Record) -> bool:
        """The end of a session, while a process may have been sent that session: without the session's file it
        would start again. Once that process has recovered, or is gone, the record is ingested again and removed."""
        if record["kind"] != "session" or "settles" not in record:
            return False
        # Before `recovers` is read: `start_process` sets `is_starting` before it reads the ended sessions, so at least
        # one of the two threads sees the other.
        self._ended_sessions.add(record["body"]["session"])
        slot = self._slots.get(camera)
        return slot is not None and slot.recovers

    # On the thread of the late answers

    def answer_late_callers(self) -> None:
        """Callers that wait longer than `answer_s` for the database get the record itself: it is already safe."""
        for spooled in list(self._spooled):
            if self._now() - spooled.since > self._waits.answer_s:
                self._answer_from_spool(spooled)

    # On either thread

    def _answer_from_spool(self, spooled: Spooled) -> None:
        if spooled.claim():
            # A record that is ingested and removed just before gives null: the caller then reads the row.
            with log_and_continue("late answer"), OpenedSpool(spooled.desired) as spool:
                self._answers.send_response(spooled.command, record_answer(spool.read_record(spooled.record)))
