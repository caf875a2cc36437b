"""Decides the outcome of captures that will never have a spool record: overdue, or lost with their process."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cameras.broker import broker
from cameras.broker.broker import BrokerDown
from cameras.commands.control import Answer
from cameras.spool.records import Record
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ingest import OpenedSpool
from cameras.tables import DECIDED_OUTCOMES, resolve

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
GRACE_MS = 2000
"""The time that a command accepted just before its deadline may still need to reach its process."""


class OutcomeReconciler:
    """Has no state of its own. Runs on the database thread, except `is_settled`. Raises DatabaseError while the
    database is away."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    def is_settled(self, capture: str) -> bool:
        """Whether this capture has its outcome already. On any thread."""
        return bool(resolve(DECIDED_OUTCOMES["settled"])(capture))

    def settle_overdue(self, places: Mapping[str, Sequence[DesiredState]]) -> None:
        """Settle planned rows past their deadline that no spool of their camera on this host knows. A running process
        is asked to withdraw the capture first.

        Deadlines are in the broker's time: while the broker is away nothing is overdue."""
        try:
            with broker.reachable() as server:
                now_ms = broker.time_ms(server)
        except BrokerDown:
            return
        for camera, capture in resolve(DECIDED_OUTCOMES["overdue"])(self.supervisor.host, now_ms - GRACE_MS):
            spools, slot = places.get(camera), self.supervisor.slots.get(camera)
            pending = slot.outstanding.captures().values() if slot else ()
            if not spools or any(one.capture == capture for one in pending):
                self._withdraw(slot, capture)
            elif all(leaves_no_trace(spool, capture) for spool in spools):
                self._settle(capture, "not_started", "The command did not reach the camera before its deadline.")

    def _withdraw(self, slot: CameraSlot | None, capture: str) -> None:
        child = slot.child if slot else None
        if child:
            child.send({"type": "withdraw", "id": capture})

    def settle_capture(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        self._settle(capture, reason, message)
        self.supervisor.send_response(command, content)

    def _settle(self, capture: str, reason: str, message: str) -> None:
        resolve(DECIDED_OUTCOMES["capture"])(capture, reason, message)

    def settle_lost(self, slot: CameraSlot, outstanding: Mapping[str, OutstandingCommand]) -> None:
        """Settle captures whose process ended before it planned them. The order of the three checks matters: an ended
        process writes no more traces, and a trace that is gone has become an outcome."""
        for command, pending in outstanding.items():
            if pending.capture is None or slot.child is pending.child:
                continue
            if command in slot.outstanding.captures() and leaves_no_trace(slot.desired, pending.capture):
                self._settle_lost_capture(slot, command, pending.capture)

    def _settle_lost_capture(self, slot: CameraSlot, command: str, capture: str) -> None:
        content = record_answer(None)
        if not self.is_settled(capture):
            detail = f"The process of {slot.desired.slug} ended before this capture began."
            content = Answer(ok=False, problem="camera-not-reachable", reason="not_started", detail=detail)
            self._settle(capture, "not_started", detail)
        if slot.outstanding.remove(command):
            self.supervisor.send_response(command, content)


def record_answer(record: Record | None) -> Answer:
    """An answer with the record itself, so that the caller need not read the database; null when it was rejected."""
    return Answer(ok=True, body={"record": record})


def leaves_no_trace(desired: DesiredState, capture: str) -> bool:
    """Whether the spool holds no trace of the capture. False when it cannot be read or its root is not mounted: it may
    hold one."""
    try:
        with OpenedSpool(desired) as ingester:
            return ingester.is_on(desired.root) and not ingester.spool.has_trace(capture)
    except OSError as error:
        log.error("The spool of %s cannot be searched for %s: %s", desired.slug, capture, error)
        return False
