"""Messages of a camera process to the Supervisor: its state when it changes, events, records and answers."""

from __future__ import annotations

import threading
from typing import Any

from cameras.runtime.link import Link


class Reporter:
    """`_lock` guards the state. The camera loop sets it; while a disk blocks the loop, the reporting thread does."""

    def __init__(self, link: Link) -> None:
        self._lock = threading.Lock()
        self.link = link
        self.state = "starting"
        self.message = ""
        self._sent = ("starting", "")
        self.last_capture: dict[str, Any] | None = None

    def report_state(self, state: str, message: str = "", code: str = "") -> None:
        """`starting`, `ready`, `busy` or `reconnecting`, with a sentence and a reason code. Sent when it changes,
        except `busy`: each still would be a change. The state of each second has it."""
        with self._lock:
            self.state, self.message = state, message
            changed = ("ready" if state == "busy" else state, message)
            if changed != self._sent:
                self._sent = changed
                self.link.send("observed", observed=changed[0], reason=message, code=code)

    def log_event(self, kind: str, message: str, level: str = "error") -> None:
        """Add an entry to the event log."""
        self.link.send("log", level=level, kind=kind, message=message)

    def report_record(self, record: str, command: str = "") -> None:
        """The ingest can read this record now."""
        self.link.send("spooled", id=record, command_id=command)

    def answer_command(self, command: dict[str, Any], *, ok: bool = True, **fields: Any) -> None:
        """Answer the command, if its sender waits for an answer (it has a `command_id`)."""
        if command.get("command_id"):
            capture = {"id": command["id"]} if "id" in command else {}
            self.link.send("answer", command_id=command["command_id"], ok=ok, **capture, **fields)

    def refuse_command(
        self, command: dict[str, Any], reason: str, detail: str, problem: str = "camera-not-reachable"
    ) -> None:
        """The command was not run and left nothing behind. For a capture the Supervisor decides the outcome."""
        self.answer_command(command, ok=False, problem=problem, reason=reason, detail=detail, unstarted=True)
