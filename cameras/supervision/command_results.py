"""How commands end, as their camera process reports it: by an answer, by a record, or by the process's recovery."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol, cast

from cameras.commands.messages import Answer, AnswerBody
from cameras.runtime.messages import AnswerReport, RecoveredReport, SpooledReport
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import AnswerSink, OutcomeSink, RecordSink

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
