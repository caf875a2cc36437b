"""Decides the outcome of captures that will never have a spool record: overdue, or lost with their process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence

from django.db import transaction

from cameras.commands.messages import Answer
from cameras.runtime.messages import WithdrawCommand
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
from cameras.supervision.command_results import record_answer
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ingest import OpenedSpool
from cameras.supervision.outbox import Outbox
from cameras.supervision.ports import AnswerSink, Fence
from cameras.tables import DECIDED_OUTCOMES
from core.broker import broker
from core.broker.broker import BrokerDown
from core.registry import resolve

log = logging.getLogger(__name__)
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
