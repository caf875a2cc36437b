"""Routes commands to the camera processes of this host, and answers those that cannot be sent."""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Any

from cameras.broker import broker
from cameras.commands.messages import Answer, Command, FaultsAnswer, FaultsCommand
from cameras.runtime.spec import Recording
from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
from cameras.supervision.child import CameraChild
from cameras.supervision.database_sync import DatabaseSync

if TYPE_CHECKING:
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
RECONCILE_WAIT_S = 30.0
"""Callers of `reconcile` are forgotten after this long without an answer."""
TRIED_S = 1.5
"""A camera that should be retried has been retried after this long, unless it is still opening."""
LONGEST_S = 60.0
"""No command may be started this long after it was sent."""
REMEMBERED = 10_000


class CommandRouter:
    """Sends commands to the camera processes. `route_command` runs on the command queue's thread and sends captures
    directly; only that thread uses `_seen_captures`. All other commands go through `_queue` to the Supervisor's thread.
    Only that thread uses `_waiters` and `_early` and writes what a slot knows of its commands."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._queue: queue.Queue[tuple[Command, float]] = queue.Queue()
        self._waiters: list[tuple[Command, float]] = []
        self._early: list[tuple[Command, float]] = []
        self._seen_captures: dict[str, None] = {}
        self._began = time.monotonic()

    @property
    def database(self) -> DatabaseSync:
        return self.supervisor.database

    def route_command(self, command: Command) -> None:
        """On the command queue's thread. A command past its deadline is dropped. A capture goes to a ready process at
        once; the Supervisor's thread handles everything else."""
        with broker.reachable() as server:
            remaining_ms = command["deadline_ms"] - broker.time_ms(server)
        if remaining_ms <= 0:
            log.info(
                "The command %s for %s arrived after its deadline and was dropped.", command["order"], command["slug"]
            )
            return
        command["arguments"]["remaining_ms"] = remaining_ms
        if command["order"] == "capture":
            if self._is_duplicate(command["arguments"]["id"]):
                return
            slot = self.supervisor.slots.get(command["camera"])
            child = slot.child if slot else None
            if slot and child and self._refusal(command, slot, child) is None:
                self._send_to_process(command, slot, child)
                return
        self._queue.put((command, time.monotonic()))
        self.supervisor.wake()

    def _is_duplicate(self, capture: str) -> bool:
        """An id is exposed once, however often its command arrives. Captures of an earlier Supervisor have their
        outcome in the database, and after LONGEST_S none of their commands can arrive any more."""
        if capture in self._seen_captures:
            return True
        self._seen_captures[capture] = None
        if len(self._seen_captures) > REMEMBERED:
            del self._seen_captures[next(iter(self._seen_captures))]
        return time.monotonic() - self._began < LONGEST_S and self.database.outcomes.is_settled(capture)

    def route_waiting(self) -> None:
        """On the Supervisor's thread: route queued and early commands, then answer callers that wait for a state."""
        while not self._queue.empty():
            self._route(*self._queue.get())
        self._retry_early()
        self._answer_waiters()

    def _retry_early(self) -> None:
        """Commands that arrived before their camera was known: it was just added."""
        early, self._early = self._early, []
        for command, since in early:
            self._route(command, since)

    def _route(self, command: Command, since: float) -> None:
        """`since` is the arrival time, in time.monotonic()."""
        if time.monotonic() - since > command["arguments"]["remaining_ms"] / 1000:
            return
        if command["order"] == "detect":
            self.supervisor.discovery.request_discovery(command["command_id"])
            return
        slot = self.supervisor.slots.get(command["camera"])
        if command["order"] == "reconcile":
            self.database.read_soon()
            if slot:
                self.supervisor.recovery_ladder.retry_now(slot)
            self._waiters.append((command, since))
            return
        if slot is None and self.supervisor.desired_read_at < since:
            self._early.append((command, since))
            self.database.read_soon()
            return
        if slot is not None and slot.is_first_start:
            self._early.append((command, since))
            return
        if command["order"] == "faults" and slot is not None:
            self._set_faults(command, slot)
            return
        child = slot.child if slot else None
        refusal = self._refusal(command, slot, child)
        if refusal is not None:
            self._refuse_command(command, refusal)
            return
        assert slot is not None
        assert child is not None
        self._send_to_process(command, slot, child)

    def _set_faults(self, command: FaultsCommand, slot: CameraSlot) -> None:
        """Set the faults of a simulated camera, or answer with the present ones when none are given. Its next process
        starts with them. Clearing them ends a quarantine, as a repair would."""
        wanted = command["arguments"].get("faults")
        if wanted is None:
            self.supervisor.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=slot.faults)))
            return
        slot.faults = wanted
        if not wanted and slot.quarantined:
            self.supervisor.recovery_ladder.release_quarantine(slot, "the end of its faults")
        if slot.child is not None and not slot.child.ending:
            self._send_to_process(command, slot, slot.child)
        else:
            self.supervisor.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=wanted)))

    def _send_to_process(self, command: Command, slot: CameraSlot, child: CameraChild) -> None:
        message = {"type": command["order"], "command_id": command["command_id"], **command["arguments"]}
        capture = command["arguments"]["id"] if command["order"] == "capture" else None
        slot.outstanding.add(command["command_id"], OutstandingCommand(capture, child))
        if command["order"] == "start" or command["order"] == "stop":
            slot.commanded_session, slot.session_commanded_at = command["arguments"]["session"], time.monotonic()
        if command["order"] == "record":
            slot.recording_commanded_at = time.monotonic()
            slot.commanded_recording = message["recording"] = self._with_host_settings(
                command["arguments"]["recording"]
            )
            child.desired = {**child.desired, "recording": slot.commanded_recording}
        if command["order"] == "configure":
            slot.settings_commanded_at = time.monotonic()
            known = {} if command["arguments"].get("whole") else child.desired["settings"]
            slot.commanded_settings = {**known, **command["arguments"].get("settings", {})}
            child.desired = {**child.desired, "settings": slot.commanded_settings}
        sent = child.send(message)
        if not sent and capture is None and slot.outstanding.remove(command["command_id"]):
            self._refuse_command(
                command, f"The process of {command['slug']} has just ended and is being started again."
            )

    def _with_host_settings(self, recording: Recording | None) -> dict[str, Any] | None:
        """The requested recording with this host's configuration; the requesting host may have another one."""
        return {**recording, **self.database.snapshot.recording} if recording else None

    def _refusal(self, command: Command, slot: CameraSlot | None, child: CameraChild | None) -> str | None:
        """Why no command can be sent to the process `child` now; None when it can."""
        slug = command["slug"]
        if slot is None or slot.desired.elsewhere:
            return f"The host {self.supervisor.host} does not know {slug}. Try again in a moment."
        if not slot.desired.enabled:
            return f"{slug} is disabled. Enable it first: `skycam cameras set {slug} --enabled`."
        if not slot.desired.connected:
            return f"{slug} is disconnected. Connect it first: `skycam connect {slug}`."
        if slot.quarantined:
            return f"{slug} is in quarantine. {slot.quarantined}"
        if child is None or child.ending:
            why = slot.observed[1]
            return f"The process of {slug} is being started again. {why}".strip()
        return None

    def _refuse_command(self, command: Command, detail: str) -> None:
        """No process got the command, so the outcome of a planned capture is decided here."""
        content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=detail)
        if command["order"] == "capture":
            self.database.settle_capture(
                command["arguments"]["id"], "camera_unreachable", detail, command["command_id"], content
            )
        else:
            self.supervisor.send_response(command["command_id"], content)

    def _answer_waiters(self) -> None:
        """Callers of `reconcile` are answered once the camera is in its desired state, or has reported why not."""
        for command, since in list(self._waiters):
            slot = self.supervisor.slots.get(command["camera"])
            if self.supervisor.desired_read_at < since or slot is None:
                continue
            observed, why = slot.observed
            settled = observed in {"ready", "busy", "disconnected", "disabled", "quarantined"}
            if settled and (slot.child is None or slot.desired.runs):
                self._waiters.remove((command, since))
                content = Answer(ok=True, body=self.supervisor.status_publisher.build_status(slot))
                self.supervisor.send_response(command["command_id"], content)
            elif observed == "reconnecting" and time.monotonic() - since > TRIED_S and not slot.is_opening:
                self._waiters.remove((command, since))
                content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=why)
                self.supervisor.send_response(command["command_id"], content)
            elif time.monotonic() - since > RECONCILE_WAIT_S:
                self._waiters.remove((command, since))
