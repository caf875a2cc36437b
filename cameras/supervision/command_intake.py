"""Takes commands as they arrive: drops late and repeated ones, sends captures at once, and queues the rest."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Mapping

from cameras.commands.messages import Command
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.command_sender import CommandSender
from cameras.supervision.ports import OutcomeSink, Waker

log = logging.getLogger(__name__)
LONGEST_S = 60.0
"""No command may be started this long after it was sent."""
# Must exceed the captures of LONGEST_S: 54 a second were measured (docs/decisions/commands.md), so 3,240.
REMEMBERED = 10_000
Arrival = tuple[Command, float]
"""A command, and when it arrived, in time.monotonic()."""


class CommandIntake:
    """Only the command queue's thread uses it. `waiting` is read by the Supervisor's thread."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        sender: CommandSender,
        outcomes: OutcomeSink,
        waiting: queue.Queue[Arrival],
        wake: Waker,
        remembered: int = REMEMBERED,
    ) -> None:
        """`wake` wakes the Supervisor's thread. The ids of the newest `remembered` captures are kept."""
        self._remembered = remembered
        self._slots, self._sender, self._outcomes, self._waiting, self._wake = slots, sender, outcomes, waiting, wake
        self._seen_captures: dict[str, None] = {}
        self._began = time.monotonic()

    def route_command(self, command: Command, now_ms: int) -> None:
        """A command past its deadline is dropped. A capture goes to a ready process at once; the Supervisor's thread
        handles everything else. `now_ms` is Redis TIME. Raises DatabaseError while the database is away."""
        # The clocks of two machines may differ, the broker's is one. After this, only durations are used.
        remaining_ms = command["deadline_ms"] - now_ms
        if remaining_ms <= 0:
            log.info(
                "The command %s for %s arrived after its deadline and was dropped.", command["order"], command["slug"]
            )
            return
        command["arguments"]["remaining_ms"] = remaining_ms
        if command["order"] == "capture":
            if self._is_duplicate(command["arguments"]["id"]):
                return
            # On this thread, so that no capture waits for the Supervisor's next tick.
            slot = self._slots.get(command["camera"])
            # Read once: the Supervisor's thread may replace the process at any time.
            child = slot.child if slot else None
            if slot and child and self._sender.refusal(command, slot, child) is None:
                self._sender.send_command(command, slot, child)
                return
        self._waiting.put((command, time.monotonic()))
        self._wake()

    def _is_duplicate(self, capture: str) -> bool:
        """An id is exposed once, however often its command arrives. Captures of an earlier Supervisor have their
        outcome in the database, and after LONGEST_S none of their commands can arrive any more."""
        if capture in self._seen_captures:
            return True
        self._seen_captures[capture] = None
        if len(self._seen_captures) > self._remembered:
            del self._seen_captures[next(iter(self._seen_captures))]
        return time.monotonic() - self._began < LONGEST_S and self._outcomes.is_settled(capture)
