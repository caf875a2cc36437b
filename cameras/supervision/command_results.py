"""How commands end: the answers to their callers, what their camera process reports of them, and the callers of
`reconcile`, who wait until their camera is in its desired state."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Protocol, cast

from cameras.commands import control
from cameras.commands.messages import Answer, AnswerBody, CaptureAnswer, ReconcileCommand
from cameras.runtime.messages import AnswerReport, RecoveredReport, SpooledReport
from cameras.spool.records import CaptureRecord, Record
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import AnswerSink, OutcomeSink, RecordSink, StatusSource
from core.broker import broker

log = logging.getLogger(__name__)


class BrokerAnswers:
    """Sends answers through the broker. Has no state; any thread may use it."""

    def send_response(self, command_id: str, content: Answer) -> None:
        """While the broker is away, callers get no answer; they find the outcome in the database."""
        try:
            control.push_answer(broker.connection(), command_id, content)
        except broker.UNREACHABLE as error:
            log.warning("An answer could not be sent: %s", type(error).__name__)


def record_answer(record: Record | None) -> Answer:
    """An answer with the record itself, so that the caller need not read the database; null when it was rejected.
    Only the command to capture is answered with a record."""
    return Answer(ok=True, body=CaptureAnswer(record=cast("CaptureRecord | None", record)))


DESIRED_PREFIX = "desired-"
"""Prefix of the command id of a desired session. No caller waits for it: its answer is handled here."""
STORAGE_REASONS = frozenset({"root_missing", "write_error", "disk_full"})


class SessionOutcomeSink(OutcomeSink, Protocol):
    def refuse_session(self, session: str, reason: str, message: str) -> None: ...


class CommandResults:
    """Has no state of its own. Each process is read by its own thread, which writes `faults` of its slot."""

    def __init__(
        self,
        records: RecordSink,
        outcomes: SessionOutcomeSink,
        answers: AnswerSink,
        record_recovery: Callable[[CameraSlot, RecoveredReport], None],
        publish_status: Callable[[CameraSlot], None],
    ) -> None:
        """`publish_status` is called before the answer about a change of the status is sent."""
        self._records, self._outcomes, self._answers = records, outcomes, answers
        self._record_recovery, self._publish_status = record_recovery, publish_status

    def handle_recovered(self, slot: CameraSlot, child: CameraChild, report: RecoveredReport) -> None:
        child.has_recovered = True
        self._record_recovery(slot, report)

    def handle_spooled(self, slot: CameraSlot, child: CameraChild, report: SpooledReport) -> None:
        command = report.get("command_id", "")
        slot.outstanding.remove(command)
        desired = slot.desired.of_clips if report.get("part") else slot.desired
        self._records.ingest_record(desired, report["id"], command)

    def handle_answer(self, slot: CameraSlot, child: CameraChild, report: AnswerReport) -> None:
        command = report["command_id"]
        if command.startswith(DESIRED_PREFIX):
            self._handle_desired_session_answer(command.removeprefix(DESIRED_PREFIX), report)
            return
        slot.outstanding.remove(command)
        body = report.get("body", {})
        if "faults" in body:
            slot.faults = body["faults"]
        if "recorder" in body:
            # The last report is up to a second older than this answer, and its caller may read the status next.
            child.state = {**child.state, "recorder": body["recorder"]}
            self._publish_status(slot)
        content = answer_of(report)
        # No spool holds a capture that was not started, so its row gets the outcome here.
        if report.get("unstarted") and "id" in report:
            self._outcomes.settle_capture(report["id"], report["reason"], report["detail"], command, content)
        else:
            # The caller may read rows next, and records that the process reported before this answer may still wait.
            self._records.call_after_ingest(functools.partial(self._answers.send_response, command, content))

    def _handle_desired_session_answer(self, session: str, report: AnswerReport) -> None:
        """A session that the camera refused must not stay planned. If only its storage root is unavailable, the process
        keeps the session and starts it later."""
        if report["ok"]:
            return
        kept = report.get("problem") == "camera-not-reachable" and report["reason"] in STORAGE_REASONS
        if not kept:
            self._outcomes.refuse_session(session, report["reason"], report["detail"])


def answer_of(report: AnswerReport) -> Answer:
    """The part of the report that the caller gets."""
    content = Answer(ok=report["ok"])
    if "body" in report:
        content["body"] = cast(AnswerBody, report["body"])
    if "problem" in report:
        content["problem"] = report["problem"]
    if "reason" in report:
        content["reason"] = report["reason"]
    if "detail" in report:
        content["detail"] = report["detail"]
    return content


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
