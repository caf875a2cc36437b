"""Records what a new camera process found when it recovered its spool, and ingests what it finished."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

from django.db import transaction

from cameras.runtime.messages import RecoveredReport
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
from cameras.supervision.ingest import OpenedSpool
from cameras.supervision.ingest_alerts import raise_rejected_alert
from cameras.supervision.outbox import Outbox
from cameras.supervision.outcome_reconciler import OutcomeReconciler
from cameras.supervision.ports import RecordSink
from cameras.supervision.storage_alerts import STORAGE_ALERTS
from core.camera_names import CameraRef
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
