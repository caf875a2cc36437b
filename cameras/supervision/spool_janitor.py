"""Sweeps the spools of this host: recovers those without a process, and ingests what no one reported.
`RecoveryRecorder` records what a new camera process found in its spool; `OutcomeReconciler` decides the outcome of
captures that will never have a spool record: overdue, or lost with their process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from django.db import transaction

from cameras.commands.messages import Answer
from cameras.runtime.messages import RecoveredReport, WithdrawCommand
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import read_marker
from cameras.supervision import ingest
from cameras.supervision.alerts import STORAGE_ALERTS
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
from cameras.supervision.command_results import record_answer
from cameras.supervision.desired_state import (
    DesiredState,
    HostSnapshot,
    spools_of_moved_cameras,
    spools_on_former_roots,
)
from cameras.supervision.ingest import (
    OpenedSpool,
    UnfinishedClips,
    raise_rejected_alert,
    resolve_rejected_alerts,
    resolve_unreadable_alerts,
)
from cameras.supervision.outbox import Outbox
from cameras.supervision.ports import AnswerSink, Fence, RecordSink, Snapshots
from cameras.tables import DECIDED_OUTCOMES
from core.broker import broker
from core.broker.broker import BrokerDown
from core.camera_names import CameraRef
from core.changes import ChangeGate, read_again
from core.events.service import record_event, resolve_alert
from core.registry import resolve
from core.text.sentences import Sentence, sentence

log = logging.getLogger(__name__)


class RecoveryRecorder:
    """Has no state of its own. Any thread may call `record_recovery`; the rest runs on the database thread."""

    def __init__(self, outbox: Outbox, records: RecordSink, outcomes: OutcomeReconciler) -> None:
        self._outbox, self._records, self._outcomes = outbox, records, outcomes

    def record_recovery(self, slot: CameraSlot, report: RecoveredReport) -> None:
        """A new process has recovered the spool: answer the callers whose capture left no trace."""
        # Two calls: if the database goes away during the second, the events of the first are not written again.
        self._outbox.add(functools.partial(record_recovery_events, slot, report))
        self._outbox.add_call(functools.partial(self._ingest_recovered, slot, slot.outstanding.captures()))

    def _ingest_recovered(self, slot: CameraSlot, outstanding: Mapping[str, OutstandingCommand]) -> None:
        """A spool that cannot be read waits for the next sweep."""
        commands = {pending.capture: command for command, pending in outstanding.items()}
        try:
            with OpenedSpool(slot.desired) as spool:
                for record in spool.waiting_records():
                    command = commands.get(record, "")
                    # Its own report may have arrived meanwhile: the thread that removes a command answers it.
                    has_caller = slot.outstanding.remove(command)
                    self._records.ingest_record(slot.desired, record, command if has_caller else "")
            self._outcomes.settle_lost(slot, outstanding)
        except OSError as error:
            log.error("The recovered spool of %s cannot be read: %s", slot.desired.slug, error)


@transaction.atomic
def record_recovery_events(slot: CameraSlot, report: RecoveredReport) -> None:
    """Events of the interrupted and finished captures, the alert of rejected records, and the end of the root's
    alerts: the root could be opened. Raises DatabaseError."""
    for what, ids in (("interrupted", report["interrupted"]), ("finished", report["finished"])):
        if ids:
            text = recovery_message(what, len(ids), slot.desired)
            record_event("spool.recovered", text, severity="warning", camera=slot.desired, data={"ids": ids})
    if report["rejected"]:
        raise_rejected_alert(slot.desired, report["rejected"])
    for kind in STORAGE_ALERTS:
        resolve_alert(f"{kind}:{slot.desired.root}")


def recovery_message(what: str, count: int, camera: CameraRef) -> Sentence:
    """`what` is `interrupted` (the captures failed) or `finished` (their pictures are safe)."""
    captures = "A capture of {camera} was" if count == 1 else "{count} captures of {camera} were"
    if what == "finished":
        happened = "finished after the camera's process had ended."
    else:
        happened = "interrupted: the camera's process ended before the picture was saved."
    return sentence(f"{captures} {happened}", count=count, camera=camera)


SWEEP_S = 5.0
OTHERS_S = 20.0
"""Between two searches for what belongs to no process: spools of other places, and captures without an outcome."""


class SpoolJanitor:
    """Runs on the database thread, except `recover_spool`, which the Supervisor's thread calls too, while it stops.
    Recovery locks the spool."""

    def __init__(
        self,
        host: str,
        slots: Mapping[str, CameraSlot],
        snapshots: Snapshots,
        outbox: Outbox,
        records: RecordSink,
        outcomes: OutcomeReconciler,
    ) -> None:
        self._host, self._slots, self._snapshots = host, slots, snapshots
        self._outbox, self._records, self._outcomes = outbox, records, outcomes
        self._unfinished_clips = UnfinishedClips(outbox.add)
        self._swept_at = 0.0
        self._other_spools, self._alerts, self._overdue = ChangeGate(OTHERS_S), ChangeGate(), ChangeGate(OTHERS_S)
        self._moved: list[DesiredState] = []
        self._former: list[DesiredState] = []

    def sweep_soon(self) -> None:
        """Sweep at the next call of `sweep_if_due`, because the camera processes have ended."""
        self._swept_at = 0.0

    def sweep_if_due(self, now: float) -> None:
        """Every SWEEP_S; `now` is in time.monotonic(). Raises DatabaseError."""
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            self.sweep()

    def sweep(self) -> None:
        """Ingest unreported records of all spools, and settle rows that no spool knows of. Raises DatabaseError."""
        snapshot = self._snapshots.snapshot
        here = [*snapshot.cameras.values(), *self._released_cameras()]
        # Without the lease on the host's name, these spools may be those of another machine.
        self._other_spools.call(lambda: self._find_other_spools(here, snapshot))
        here += self._moved
        for desired in here:
            recover = None if self._has_process(desired) else self._recover_spool_of_slot
            self._sweep_spool(desired, recover)
            self._sweep_spool(desired.of_clips, recover)
        for desired in (former := self._former):
            # No process opens a former root again. One that still uses it holds the lock of the spool.
            self._sweep_spool(desired, self.recover_spool)
        places = [*here, *(desired.of_clips for desired in here), *former]
        self._alerts.call(lambda: self._resolve_alerts(places))
        for slot in self._slots.values():
            self._outcomes.settle_lost(slot, slot.outstanding.captures())
        self._overdue.call(lambda: self._outcomes.settle_overdue(by_camera([*here, *former])))

    @staticmethod
    def _resolve_alerts(places: list[DesiredState]) -> None:
        resolve_rejected_alerts(places)
        resolve_unreadable_alerts(places)

    def _find_other_spools(self, here: list[DesiredState], snapshot: HostSnapshot) -> None:
        known = {desired.id for desired in here}
        self._moved = spools_of_moved_cameras(self._host, known) if snapshot.is_complete else []
        self._former = spools_on_former_roots(self._host, snapshot.cameras)
        read_again(lambda: bool(self._moved or self._former))

    def recover_spool(self, desired: DesiredState, decided: DecidedOutcome | None = None) -> None:
        """Recover the spool of a camera without a process."""
        recovered = ingest.recover_spool(desired, decided)
        if recovered is None:
            return
        if recovered.rejected:
            self._outbox.add(functools.partial(raise_rejected_alert, desired, recovered.rejected))
        if desired.part:
            self._unfinished_clips.update_alert(desired, recovered)

    def _sweep_spool(self, desired: DesiredState, recover: Callable[[DesiredState], None] | None) -> None:
        """One that cannot be read delays no other."""
        try:
            # An empty mount point looks like a spool without records.
            if read_marker(desired.root_path) != desired.root:
                return
            # First: it completes records, which are then ingested in the same sweep.
            if recover:
                recover(desired)
            with OpenedSpool(desired) as spool:
                for record in spool.waiting_records():
                    self._records.ingest_record(desired, record, "")
        except OSError as error:
            log.error("The spool of %s cannot be swept: %s", desired.slug, error)

    def _recover_spool_of_slot(self, desired: DesiredState) -> None:
        """No process will recover this spool soon."""
        slot = self._slots.get(desired.id)
        # Why the last process ended. In quarantine no further process passes it on.
        decided = slot.decided_outcome if slot else None
        self.recover_spool(desired, DecidedOutcome(**decided) if decided else None)

    def _released_cameras(self) -> list[DesiredState]:
        """Cameras that now have another host and may have left records here."""
        # Each `desired` is read once, because the Supervisor's thread replaces them.
        return [desired for desired in [slot.desired for slot in self._slots.values()] if desired.elsewhere]

    def _has_process(self, desired: DesiredState) -> bool:
        """Whether a process runs, or will soon run, and recovers the spool by itself."""
        slot = self._slots.get(desired.id)
        return slot is not None and (slot.child is not None or (slot.desired.runs and not slot.quarantined))


def by_camera(spools: Iterable[DesiredState]) -> dict[str, list[DesiredState]]:
    """The spools of each camera, by its id."""
    found: dict[str, list[DesiredState]] = {}
    for desired in spools:
        found.setdefault(desired.id, []).append(desired)
    return found


GRACE_MS = 2000
"""The time that a command accepted just before its deadline may still need to reach its process."""


class OutcomeReconciler:
    """Has no state of its own. Any thread may call `is_settled`, `settle_capture` and `refuse_session`; the rest runs
    on the database thread and raises DatabaseError while the database is away."""

    def __init__(
        self, host: str, fence: Fence, slots: Mapping[str, CameraSlot], answers: AnswerSink, outbox: Outbox
    ) -> None:
        self._host, self._fence, self._slots, self._answers, self._outbox = host, fence, slots, answers, outbox

    # On any thread

    def is_settled(self, capture: str) -> bool:
        """Whether this capture has its outcome already. Raises DatabaseError while the database is away."""
        return bool(resolve(DECIDED_OUTCOMES["settled"])(capture))

    def settle_capture(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        """Store the outcome of a capture that never reached a spool, then answer. Never waits."""
        # The row first: a caller that reads it after the answer must find the outcome.
        answer = functools.partial(self._answers.send_response, command, content)
        self._outbox.add(functools.partial(self._settle, capture, reason, message), answer)

    def refuse_session(self, session: str, reason: str, message: str) -> None:
        """Store that the camera refused a desired session. Never waits."""
        self._outbox.add(functools.partial(resolve(DECIDED_OUTCOMES["session"]), session, reason, message))

    # On the database thread

    def settle_overdue(self, places: Mapping[str, Sequence[DesiredState]]) -> None:
        """Settle planned rows past their deadline that no spool of their camera on this host knows. A running process
        is asked to withdraw the capture first.

        Deadlines are in the broker's time: while the broker is away nothing is overdue."""
        try:
            with broker.reachable() as server:
                now_ms = broker.time_ms(server)
        except BrokerDown:
            return
        for camera, capture in resolve(DECIDED_OUTCOMES["overdue"])(self._host, now_ms - GRACE_MS):
            spools, slot = places.get(camera), self._slots.get(camera)
            # Read before the spools are searched: a capture is outstanding until its record is in one of them.
            pending = slot.outstanding.captures().values() if slot else ()
            # Without a known spool nothing proves that the capture was not begun.
            if not spools or any(one.capture == capture for one in pending):
                withdraw(slot, capture)
            # In each of its spools: after a change of its root, what it began before is in the former one.
            elif all(leaves_no_trace(spool, capture) for spool in spools):
                self._settle_fenced(capture, "not_started", "The command did not reach the camera before its deadline.")

    def settle_lost(self, slot: CameraSlot, outstanding: Mapping[str, OutstandingCommand]) -> None:
        """Settle captures whose process ended before it planned them. The order of the three checks matters: an ended
        process writes no more traces, and a trace that is gone has become an outcome."""
        for command, pending in outstanding.items():
            if pending.capture is None or slot.child is pending.child:
                continue
            if command in slot.outstanding.captures() and leaves_no_trace(slot.desired, pending.capture):
                self._settle_lost_capture(slot, command, pending.capture)

    def _settle_lost_capture(self, slot: CameraSlot, command: str, capture: str) -> None:
        # For a capture whose record was ingested since the search: null makes the caller read the row.
        content = record_answer(None)
        if not self.is_settled(capture):
            detail = "The camera's process ended before this capture began."
            content = Answer(ok=False, problem="camera-not-reachable", reason="not_started", detail=detail)
            self._settle_fenced(capture, "not_started", detail)
        if slot.outstanding.remove(command):
            self._answers.send_response(command, content)

    def _settle_fenced(self, capture: str, reason: str, message: str) -> None:
        with transaction.atomic():
            self._fence.check()
            self._settle(capture, reason, message)

    def _settle(self, capture: str, reason: str, message: str) -> None:
        resolve(DECIDED_OUTCOMES["capture"])(capture, reason, message)


def withdraw(slot: CameraSlot | None, capture: str) -> None:
    """Ask a running process to drop the capture, and never to begin it."""
    child = slot.child if slot else None
    if child:
        child.send(WithdrawCommand(type="withdraw", id=capture))


def leaves_no_trace(desired: DesiredState, capture: str) -> bool:
    """Whether the spool holds no trace of the capture. False when it cannot be read or its root is not mounted: it may
    hold one."""
    try:
        with OpenedSpool(desired) as ingester:
            return ingester.is_on(desired.root) and not ingester.spool.has_trace(capture)
    except OSError as error:
        log.error("The spool of %s cannot be searched for %s: %s", desired.slug, capture, error)
        return False
