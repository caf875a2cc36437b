"""Answers to the commands of a recorder: each is given when its outcome is observed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from cameras.runtime.messages import AnswerReport, Report

SendReport = Callable[[Report], None]
WRITTEN = "written"
"""Awaited by a start: a frame is written."""
STOPPED = "stopped"
"""Awaited by a stop: the last clip is finalized."""


class CommandAnswers:
    """`_lock` guards the commands. Any thread calls the methods."""

    def __init__(self, send: SendReport) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str]] = deque()
        """Command and what it awaits, in the order of the commands."""

    def add(self, command: Mapping[str, Any], awaited: str) -> None:
        """Answer the command when `awaited` is observed: WRITTEN, STOPPED, or the id of a clip that is finalized.
        Without a `command_id` no one waits for an answer."""
        if command.get("command_id"):
            with self._lock:
                self._waiting.append((command["command_id"], awaited))

    @property
    def is_empty(self) -> bool:
        # Without the lock, as it is asked for each frame: a command added just now is answered with the next frame.
        return not self._waiting

    def accept(self, awaited: str, body: dict[str, Any]) -> None:
        """The commands that await it succeeded."""
        for command in self._pop(awaited):
            self._send(AnswerReport(type="answer", command_id=command, ok=True, body=body))

    def refuse(self, awaited: str, problem: str, detail: str, reason: str = "") -> None:
        """What they await does not happen. `problem` is a problem type, `detail` a sentence."""
        for command in self._pop(awaited):
            self._send(_refusal(command, problem, detail, reason))

    def refuse_now(self, command: Mapping[str, Any], problem: str, detail: str) -> None:
        if command.get("command_id"):
            self._send(_refusal(command["command_id"], problem, detail))

    def _pop(self, awaited: str) -> list[str]:
        with self._lock:
            found = [command for command, waited in self._waiting if waited == awaited]
            # Removed in the lock that found them: two threads that observe the same outcome must not answer twice.
            self._waiting = deque(one for one in self._waiting if one[1] != awaited)
        return found


def _refusal(command: str, problem: str, detail: str, reason: str = "") -> AnswerReport:
    refusal = AnswerReport(type="answer", command_id=command, ok=False, problem=problem, detail=detail)
    if reason:
        refusal["reason"] = reason
    return refusal
