"""What a camera process says of itself: its state on change, and once more each second."""

from __future__ import annotations

import threading
from typing import Any

from cameras.runtime.link import Link


class Reporter:
    """`_lock` guards what is observed: the owner says it, and while a disk keeps the owner the reporting thread."""

    def __init__(self, link: Link) -> None:
        self._lock = threading.Lock()
        self.link = link
        self.state = "starting"
        self.message = ""
        self._sent = ("starting", "")
        self.last_capture: dict[str, Any] | None = None

    def report_state(self, state: str, message: str = "", code: str = "") -> None:
        """`starting`, `ready`, `busy` or `reconnecting`, with a sentence and a reason code. Sent on change, save that
        each still is no change: that it is busy is told with the state of the second."""
        with self._lock:
            self.state, self.message = state, message
            news = ("ready" if state == "busy" else state, message)
            if news != self._sent:
                self._sent = news
                self.link.send("observed", observed=news[0], reason=message, code=code)

    def log_event(self, kind: str, message: str, level: str = "error") -> None:
        """Something for the event log."""
        self.link.send("log", level=level, kind=kind, message=message)

    def report_record(self, record: str, command: str = "") -> None:
        """A record may be taken in now."""
        self.link.send("spooled", id=record, command_id=command)

    def answer_command(self, command: dict[str, Any], *, ok: bool = True, **fields: Any) -> None:
        """To whoever gave the command, if anybody waits for an answer."""
        if command.get("command_id"):
            capture = {"id": command["id"]} if "id" in command else {}
            self.link.send("answer", command_id=command["command_id"], ok=ok, **capture, **fields)

    def refuse_command(
        self, command: dict[str, Any], reason: str, detail: str, problem: str = "camera-not-reachable"
    ) -> None:
        """The order was not followed and left nothing behind: for a capture the Supervisor gives the verdict."""
        self.answer_command(command, ok=False, problem=problem, reason=reason, detail=detail, unstarted=True)
