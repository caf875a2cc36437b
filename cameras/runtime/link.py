"""The link to the Supervisor: JSON lines, received on stdin and sent on the original stdout; `Reporter` sends states,
events, records and answers. The end of stdin is the command to finish and exit."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol, cast

from cameras.runtime.messages import AnswerReport, Command, LogReport, ObservedReport, Report, SpooledReport
from cameras.runtime.spec import Spec
from core.text.sentences import with_mentions

# Without a bound, readline would read a line without end into memory.
MOST_LINE_BYTES = 1 << 20


class ReportSink(Protocol):
    """Where the parts of a camera process send their reports. Any thread may."""

    def send(self, message: Report) -> None: ...


class Link:
    def __init__(self) -> None:
        """Reserve stdout for the link: from now on, the output of libraries goes to stderr."""
        self._down: BinaryIO = sys.stdin.buffer
        up = os.dup(1)
        # The descriptor, because C libraries write to it and do not know `sys.stdout`.
        os.dup2(2, 1)
        # Unbuffered: a kill loses no message that was sent.
        self._up = os.fdopen(up, "wb", buffering=0)
        self._lock = threading.Lock()

    def read_spec(self) -> Spec:
        """The first message. ValueError when there is none."""
        spec = self._read()
        if spec is None:
            raise ValueError("The link ended before the spec of the camera.")
        return cast(Spec, spec)

    def _read(self) -> object | None:
        """The next message; None at the end. ValueError for a line that is not a JSON object."""
        line = self._down.readline(MOST_LINE_BYTES)
        if not line:
            return None
        message: object = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("A message on the link is a JSON object.")
        return message

    def send(self, message: Report) -> None:
        """Send a message. No error when the Supervisor is gone: the end of stdin then ends this process."""
        line = json.dumps(with_mentions(message), separators=(",", ":")).encode() + b"\n"
        # Many threads send, and writes of more than PIPE_BUF (4096 bytes) to a pipe may mix.
        with self._lock:
            try:
                self._up.write(line)
            except BrokenPipeError:
                return

    def listen(self, handle: Callable[[Command], None], ended: Callable[[], None]) -> threading.Thread:
        """On its own thread: call `handle` with each message, and `ended` at the end."""

        def run() -> None:
            try:
                while (message := self._read()) is not None:
                    handle(cast(Command, message))
            finally:
                # Also after a message that cannot be handled: a process without its link could not be stopped.
                ended()

        thread = threading.Thread(target=run, name="link", daemon=True)
        thread.start()
        return thread


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
