"""Sweeps the spools of this host: recovers those without a process, ingests what no one reported, and settles
captures that no spool knows of. `RecoveryRecorder` records what a new camera process found in its spool."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping

from django.db import transaction

from cameras.runtime.messages import RecoveredReport
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import read_marker
from cameras.supervision import orphan_recovery
from cameras.supervision.alerts import STORAGE_ALERTS
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
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
from cameras.supervision.outcome_reconciler import OutcomeReconciler
from cameras.supervision.ports import RecordSink, Snapshots
from core.camera_names import CameraRef
from core.changes.gate import ChangeGate, read_again
from core.events.service import record_event, resolve_alert
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
        recovered = orphan_recovery.recover_spool(desired, decided)
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
