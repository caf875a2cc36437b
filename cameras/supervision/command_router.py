"""Routes commands to the parts of the Supervisor and to the camera processes of this host."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from typing import Any

from cameras.commands.messages import Answer, Command, DetectCommand, FaultsAnswer, FaultsCommand, ReconcileCommand
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.command_intake import Arrival
from cameras.supervision.command_sender import CommandSender
from cameras.supervision.ports import AnswerSink, Waker
from cameras.supervision.quarantine import Quarantine
from cameras.supervision.reconcile_waiters import ReconcileWaiters


class CommandRouter:
    """Only the Supervisor's thread uses it; the command queue's thread fills `waiting`."""

    def __init__(
        self,
        slots: CameraSlots,
        waiting: queue.Queue[Arrival],
        sender: CommandSender,
        waiters: ReconcileWaiters,
        quarantine: Quarantine,
        answers: AnswerSink,
        request_discovery: Callable[[str], None],
        read_soon: Waker,
    ) -> None:
        """`read_soon` makes the database thread read the desired states at once."""
        self._slots, self._waiting, self._sender, self._waiters = slots, waiting, sender, waiters
        self._quarantine, self._answers = quarantine, answers
        self._request_discovery, self._read_soon = request_discovery, read_soon
        self._early: list[Arrival] = []
        self._host_commands: Mapping[str, Callable[[Any, float], None]] = {
            "detect": self._discover,
            "reconcile": self._reconcile,
        }
        """For these, the camera need not be known."""
        self._slot_commands: Mapping[str, Callable[[Any, CameraSlot], None]] = {"faults": self._set_faults}
        """For these, no process need run. All other commands go to the camera's process."""

    def route_waiting(self) -> None:
        """Route early and queued commands, then answer callers that wait for a state."""
        # Taken out first, because `route` puts back those that are still early.
        early, self._early = self._early, []
        # Before the queued ones, which came later: of two settings or recordings the last one stays.
        for command, since in early:
            self.route(command, since)
        while not self._waiting.empty():
            self.route(*self._waiting.get())
        self._waiters.answer_settled()

    def route(self, command: Command, since: float) -> None:
        """`since` is the arrival time, in time.monotonic()."""
        waited_ms = round((time.monotonic() - since) * 1000)
        if waited_ms > command["arguments"]["remaining_ms"]:
            return
        if handle_on_host := self._host_commands.get(command["order"]):
            handle_on_host(command, since)
            return
        slot = self._slots.get(command["camera"])
        if self._is_early(slot, since):
            self._early.append((command, since))
            return
        # Only here, where it leaves the router: an early command comes back with the time of its arrival.
        command["arguments"]["remaining_ms"] -= waited_ms
        if slot is not None and (handle := self._slot_commands.get(command["order"])):
            handle(command, slot)
        else:
            self._send_or_refuse(command, slot)

    def _is_early(self, slot: CameraSlot | None, since: float) -> bool:
        """Whether its camera was just added, so that its row is not read yet or its first process not started."""
        if slot is None and self._slots.read_at < since:
            self._read_soon()
            return True
        return slot is not None and slot.is_first_start

    def _discover(self, command: DetectCommand, since: float) -> None:
        self._request_discovery(command["command_id"])

    def _reconcile(self, command: ReconcileCommand, since: float) -> None:
        """A row has changed: read it, and answer once the camera is in its desired state."""
        self._read_soon()
        if slot := self._slots.get(command["camera"]):
            self._quarantine.retry_now(slot)
        self._waiters.add(command, since)

    def _set_faults(self, command: FaultsCommand, slot: CameraSlot) -> None:
        """Set the faults of a simulated camera, or answer with the present ones when none are given. Its next process
        starts with them. Clearing them ends a quarantine, as a repair would."""
        wanted = command["arguments"].get("faults")
        if wanted is None:
            self._answers.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=slot.faults)))
            return
        slot.faults = wanted
        if not wanted and slot.quarantined:
            self._quarantine.release(slot, "the end of its faults")
        if slot.child is not None and not slot.child.ending:
            self._sender.send_command(command, slot, slot.child)
        else:
            self._answers.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=wanted)))

    def _send_or_refuse(self, command: Command, slot: CameraSlot | None) -> None:
        child = slot.child if slot else None
        refusal = self._sender.refusal(command, slot, child)
        if refusal is not None or slot is None or child is None:
            self._sender.refuse_command(command, refusal or "")
        else:
            self._sender.send_command(command, slot, child)
