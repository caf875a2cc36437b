"""Reports of a camera process to the Supervisor: its state when it changes, events, records and answers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from cameras.runtime.link import ReportSink
from cameras.runtime.messages import AnswerReport, Command, LogReport, ObservedReport, SpooledReport

HELD_STATES = ("ready", "busy")
"""In these a camera could take captures; another state has a reason of its own."""


class Reporter:
    """`_lock` guards the state. The camera loop sets it; while a disk blocks the loop, the reporting thread does."""

    def __init__(self, link: ReportSink) -> None:
        self._lock = threading.Lock()
        self._link = link
        self.state = "starting"
        self.message = ""
        self._sent = ("starting", "")
        self._hold = ("", "")

    def report_state(self, state: str, message: str = "", code: str = "") -> None:
        """`starting`, `ready`, `busy` or `reconnecting`, with a sentence and a reason code. Sent when it changes,
        except `busy`: each still would be a change. The state of each second has it."""
        with self._lock:
            self._report_state(state, message, code)

    def report_hold(self, message: str = "", code: str = "") -> None:
        """Why the session takes no captures although the camera is ready; empty when it takes them again."""
        with self._lock:
            self._hold = message, code
            if self.state in HELD_STATES:
                self._report_state(self.state, "", "")

    def _report_state(self, state: str, message: str, code: str) -> None:
        if not message and state in HELD_STATES:
            message, code = self._hold
        self.state, self.message = state, message
        changed = ("ready" if state == "busy" else state, message)
        if changed != self._sent:
            self._sent = changed
            # Under the lock: the Supervisor must receive the states in the order in which they were set.
            self._link.send(ObservedReport(type="observed", observed=changed[0], reason=message, code=code))

    def log_event(self, kind: str, message: str, level: str = "error") -> None:
        """Add an entry to the event log."""
        self._link.send(LogReport(type="log", level=level, kind=kind, message=message))

    def report_record(self, record: str, command: str = "") -> None:
        """The ingest can read this record now."""
        self._link.send(SpooledReport(type="spooled", id=record, command_id=command))

    def answer_command(self, command: Command, body: Mapping[str, Any]) -> None:
        """Answer the command, if its sender waits for an answer (it has a `command_id`)."""
        if command.get("command_id"):
            self._link.send({**_answer(command, ok=True), "body": {**body}})

    def refuse_command(self, command: Command, reason: str, detail: str, problem: str = "camera-not-reachable") -> None:
        """The command was not run and left nothing behind. For a capture the Supervisor decides the outcome."""
        if command.get("command_id"):
            refusal = AnswerReport(
                **_answer(command, ok=False), problem=problem, reason=reason, detail=detail, unstarted=True
            )
            self._link.send(refusal)


def _answer(command: Command, *, ok: bool) -> AnswerReport:
    answer = AnswerReport(type="answer", command_id=command.get("command_id", ""), ok=ok)
    if command["type"] == "capture" or command["type"] == "withdraw":
        answer["id"] = command["id"]
    return answer
