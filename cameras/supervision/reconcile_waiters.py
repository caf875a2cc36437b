"""Callers of `reconcile`, who wait until their camera is in its desired state."""

from __future__ import annotations

import time

from cameras.commands.messages import Answer, ReconcileCommand
from cameras.supervision.camera_slot import CameraSlots
from cameras.supervision.ports import AnswerSink, StatusSource

RECONCILE_WAIT_S = 30.0
"""Callers of `reconcile` are forgotten after this long without an answer."""
TRIED_S = 1.5
"""A camera that should be retried has been retried after this long, unless it is still opening."""
SETTLED = {"ready", "busy", "disconnected", "disabled", "quarantined"}
"""Observed states that do not change by themselves."""


class ReconcileWaiters:
    """Only the Supervisor's thread uses it."""

    def __init__(self, slots: CameraSlots, statuses: StatusSource, answers: AnswerSink) -> None:
        self._slots, self._statuses, self._answers = slots, statuses, answers
        self._waiting: list[tuple[ReconcileCommand, float]] = []

    def add(self, command: ReconcileCommand, since: float) -> None:
        """`since` is the arrival time, in time.monotonic()."""
        self._waiting.append((command, since))

    def answer_settled(self) -> None:
        """Answer those whose camera is in its desired state, or has reported why not."""
        for command, since in list(self._waiting):
            slot = self._slots.get(command["camera"])
            # Until the row has been read again, the camera may be in a state that was desired before.
            if self._slots.read_at < since or slot is None:
                continue
            observed, why = slot.observed
            waited_s = time.monotonic() - since
            # A process that is to end still holds its camera, although the slot is observed as disconnected.
            if observed in SETTLED and (slot.child is None or slot.desired.runs):
                self._waiting.remove((command, since))
                content = Answer(ok=True, body=self._statuses.build_status(slot))
                self._answers.send_response(command["command_id"], content)
            elif observed == "reconnecting" and waited_s > TRIED_S and not slot.is_opening:
                self._waiting.remove((command, since))
                content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=why)
                self._answers.send_response(command["command_id"], content)
            elif waited_s > RECONCILE_WAIT_S:
                self._waiting.remove((command, since))
