"""The commands that wait for the camera loop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeVar

from cameras.runtime.clock import CameraClock
from cameras.runtime.messages import CaptureCommand, Command

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class WaitingCapture:
    command: CaptureCommand
    received: float
    """In seconds of `clock.monotonic()`."""


class CommandInbox:
    """Any thread may add a command; the camera loop's thread removes them, in their order. Captures wait for their turn
    beside the stills of a session, all others for the next round of the loop."""

    def __init__(self, clock: CameraClock) -> None:
        self._clock = clock
        # No lock: append and popleft of a deque are atomic.
        self._commands: deque[Command] = deque()
        self._captures: deque[WaitingCapture] = deque()

    def add(self, command: Command) -> None:
        if command["type"] == "capture":
            self._captures.append(WaitingCapture(command, self._clock.monotonic()))
        else:
            self._commands.append(command)
        # Last: the loop clears its work before it reads the queues, and must not miss this command.
        self._clock.wake()

    @property
    def is_empty(self) -> bool:
        return not self._commands and not self._captures

    @property
    def has_captures(self) -> bool:
        return bool(self._captures)

    def idle_s(self, seconds: float, *, holds_captures: bool = False) -> float:
        """`seconds`, or 0 when commands wait already: they arrived before the wait and would not end it.
        `holds_captures`: captures cannot begin now, and do not count."""
        return seconds if not self._commands and (holds_captures or not self._captures) else 0.0

    def pop_capture(self) -> WaitingCapture:
        return self._captures.popleft()

    def pop_captures(self) -> list[CaptureCommand]:
        return [waiting.command for waiting in _pop_all(self._captures)]

    def pop_commands(self) -> list[Command]:
        """Those that wait now. Later ones wait for the next round, so they never block stills and frames."""
        return _pop_all(self._commands)

    def remove_capture(self, capture: str) -> CaptureCommand | None:
        """The waiting command of this capture; None when it does not wait."""
        # Not a loop over the queue: it fails when the link's thread adds a capture meanwhile.
        waiting = _pop_all(self._captures)
        self._captures.extendleft(one for one in reversed(waiting) if one.command["id"] != capture)
        return next((one.command for one in waiting if one.command["id"] == capture), None)

    def has_stop(self, session: str) -> bool:
        """Whether a command to stop this session waits."""
        return any(one["type"] == "stop" and one["session"]["id"] == session for one in self._commands.copy())


def _pop_all(waiting: deque[Item]) -> list[Item]:
    """Remove and return what waits now. Other threads may add more meanwhile."""
    return [waiting.popleft() for _ in range(len(waiting))]
