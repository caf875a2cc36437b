"""Starts, watches and ends the camera processes: the states of one camera's process, what the Supervisor does in each
and which may follow are one table. A state is derived from the slot on each tick and stored nowhere, so it cannot
disagree with the process."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from django.conf import settings

from cameras.child_environment import scrubbed_environment
from cameras.commands.messages import Answer
from cameras.gates.gate import GateStatus
from cameras.spool.recovery import DecidedOutcome
from cameras.supervision.alerts import FailureAlerts
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.child import FINISH_S, CameraChild, OnMessage, kill_orphans, write_register
from cameras.supervision.desired_state import DesiredState, EndedSessions
from cameras.supervision.ports import AnswerSink, EventSink
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_policy import RecoveryPolicy
from core import heartbeat
from core.processes import exit_reason
from core.text.sentences import sentence

log = logging.getLogger(__name__)


class ProcessState(Enum):
    EXITED = auto()
    """The process has ended, and its end is not handled yet."""
    ENDING = auto()
    """The link is closed: the process finishes its exposure and exits."""
    KILLED = auto()
    """The recovery ladder has killed it. A process that waits in the kernel for a device may end late."""
    RUNNING = auto()
    OFF = auto()
    """No process, and none is desired: disabled, disconnected, removed, or on another host."""
    QUARANTINED = auto()
    """No process until the quarantine is released: it failed too often."""
    RESETTING = auto()
    """No process while its USB port is reset."""
    WAITING = auto()
    """No process until the back-off has passed."""
    DUE = auto()
    """No process, and one is started now."""


class Action(Enum):
    """What the Supervisor's thread does on each tick in which a state lasts."""

    NOTHING = auto()
    START = auto()
    CHECK = auto()
    """Take the next step of the recovery ladder, if the camera is late."""
    KILL_WHEN_LATE = auto()
    HANDLE_EXIT = auto()
    """Answer the callers, then schedule the restart, or quarantine the camera."""


@dataclass(frozen=True, slots=True)
class Rule:
    state: ProcessState
    holds: Callable[[CameraSlot], bool]
    action: Action
    successors: Container[ProcessState]
    """States that may follow, and nothing else."""


S, A = ProcessState, Action
RULES = (
    # The state is the first whose rule holds; then comes what is done, and what may follow.
    Rule(S.EXITED, lambda slot: slot.child is not None and slot.child.exit_status is not None,
         A.HANDLE_EXIT, {S.OFF, S.QUARANTINED, S.RESETTING, S.WAITING, S.DUE}),
    Rule(S.ENDING, lambda slot: slot.child is not None and slot.child.ending, A.KILL_WHEN_LATE, {S.EXITED}),
    Rule(S.KILLED, lambda slot: slot.child is not None and slot.child.killed, A.NOTHING, {S.ENDING, S.EXITED}),
    Rule(S.RUNNING, lambda slot: slot.child is not None, A.CHECK, {S.ENDING, S.KILLED, S.EXITED}),
    # Without a process: what keeps the camera from starting longest comes first.
    Rule(S.OFF, lambda slot: not slot.desired.runs, A.NOTHING, {S.RESETTING, S.WAITING, S.DUE}),
    Rule(S.QUARANTINED, lambda slot: bool(slot.quarantined), A.NOTHING, {S.OFF, S.RESETTING, S.DUE}),
    Rule(S.RESETTING, lambda slot: slot.port_reset is not None and slot.port_reset.lasts,
         A.NOTHING, {S.OFF, S.WAITING, S.DUE}),
    Rule(S.WAITING, lambda slot: time.monotonic() < slot.restarts.not_before, A.NOTHING, {S.OFF, S.DUE}),
    # A process may have ended, or be told to end, before the tick after its start.
    Rule(S.DUE, lambda _slot: True, A.START, {S.OFF, S.WAITING, S.RUNNING, S.ENDING, S.EXITED}),
)  # fmt: skip


def current_rule(slot: CameraSlot) -> Rule:
    """The rule of the state that the process is in."""
    return next(rule for rule in RULES if rule.holds(slot))


START_AGAIN_S = 1.0
"""Wait after a process that could not be started."""
WAIT_STEP_S = 0.1


class ProcessStarter:
    """Starts the process of a camera with the newest that is known, and writes it into the `register`. Only the
    Supervisor's thread uses it: the kernel ends a process with the thread that started it."""

    def __init__(
        self,
        slots: CameraSlots,
        register: Path,
        events: EventSink,
        ended_sessions: EndedSessions,
        on_message: OnMessage,
        gates_of: Callable[[CameraSlot], list[GateStatus]],
        idle_core_s: Callable[[], float],
    ) -> None:
        self._slots, self._register, self._events = slots, register, events
        self._ended_sessions, self._on_message = ended_sessions, on_message
        self._gates_of, self._idle_core_s = gates_of, idle_core_s

    def start_process(self, slot: CameraSlot) -> None:
        now = time.monotonic()
        slot.restarts.record_start(now, self._idle_core_s())
        slot.recovery_policy = RecoveryPolicy()
        environment = scrubbed_environment(settings.STATION.camera_environment)
        # Set before the session is read: the database thread marks the session ended, then checks `recovers`.
        slot.is_starting = True
        desired = slot.with_newest_commands(self._slots.read_at, self._ended_sessions)
        spec = desired.spec(slot.decided_outcome, slot.faults)
        # With the first command a session would begin with all gates open.
        if gates := self._gates_of(slot):
            spec["gates"] = gates
        try:
            slot.child = CameraChild(spec, environment, self._on_message)
        # RuntimeError: the thread that reads the process cannot be started.
        except (OSError, RuntimeError) as error:
            slot.restarts.not_before = now + START_AGAIN_S
            why = f"Its process cannot be started ({error}). Check memory and process limits. Retried every second."
            self._events.record_observed(slot, "reconnecting", why)
            return
        finally:
            slot.is_starting = False  # after `child` is set: see `CameraSlot.recovers`
        # After the start: when no process can be started, the next one gets it.
        slot.decided_outcome = None
        write_register(self._register, [other.child.identity for other in self._slots.values() if other.child])
        self._events.record_observed(slot, "starting", "")


class ProcessManager:
    """Has no state of its own besides the file `register`, which names the running processes for the next Supervisor.
    Only the Supervisor's thread uses it."""

    def __init__(
        self,
        slots: CameraSlots,
        register: Path,
        starter: ProcessStarter,
        events: EventSink,
        answers: AnswerSink,
        ladder: RecoveryLadder,
        session_watch: SessionWatch,
        failures: FailureAlerts,
    ) -> None:
        self._slots, self._register, self._events, self._answers = slots, register, events, answers
        self._ladder, self._session_watch, self._failures = ladder, session_watch, failures
        self._actions: Mapping[Action, Callable[[CameraSlot], None]] = {
            Action.NOTHING: leave_alone,
            Action.START: starter.start_process,
            Action.CHECK: self._check_process,
            Action.KILL_WHEN_LATE: self._kill_when_late,
            Action.HANDLE_EXIT: self._handle_exit,
        }

    def maintain_processes(self) -> None:
        """On each tick. An error with one camera keeps no other from its own."""
        for slot in self._slots.values():
            self._failures.run_safely(slot.desired, functools.partial(self.maintain_process, slot))

    def maintain_process(self, slot: CameraSlot) -> None:
        """Do what the state of the camera's process asks for."""
        self._actions[current_rule(slot).action](slot)

    def _check_process(self, slot: CameraSlot) -> None:
        self._ladder.check_process(slot)
        self._session_watch.check_session(slot)

    def _kill_when_late(self, slot: CameraSlot) -> None:
        child = slot.child
        if child is not None and child.is_late:
            slot.decided_outcome = {
                "reason": "camera_hung",
                "message": "The camera did not end its exposure in time.",
            }
            child.kill()

    def _handle_exit(self, slot: CameraSlot) -> None:
        """Its last messages first, then the answers to its callers, then its restart."""
        child = slot.child
        assert child is not None
        assert child.exit_status is not None
        child.drain_output()
        # Before the slot forgets the process: `delivered` comes from its last report.
        status, delivered, was_ending = child.exit_status, slot.delivered, child.ending
        slot.child = None
        child.finish()  # closes the pipe to the ended process
        for command in slot.outstanding.remove_without_capture():  # captures are answered from the spool
            detail = sentence(
                "The process of {camera} ended ({why}) before it could answer.",
                camera=slot.desired, why=exit_reason(status),
            )  # fmt: skip
            self._answers.send_response(
                command, Answer(ok=False, problem="camera-not-reachable", reason="camera_crashed", detail=detail)
            )
        if was_ending:
            self._events.record_observed(slot, *slot.observed)
        else:
            self._ladder.schedule_restart(slot, status, delivered=delivered)

    # Start and stop of the Supervisor

    def kill_orphans(self) -> None:
        """Kill the processes that the previous Supervisor left behind."""
        for pid in kill_orphans(self._register):
            log.warning("Killed the camera process %s, left behind by the previous Supervisor.", pid)

    def finish_processes(self, recover_spool: Callable[[DesiredState, DecidedOutcome], None]) -> None:
        """All processes get FINISH_S, in parallel: the launcher waits no longer. Heartbeats tell it that this worker is
        alive."""
        left = [(slot.desired, slot.child) for slot in self._slots.values() if slot.child]
        for _, child in left:
            child.finish()
        end_by = time.monotonic() + FINISH_S
        for desired, child in left:
            while not child.wait(WAIT_STEP_S) and time.monotonic() < end_by:
                heartbeat.send_heartbeat()
            # A process that SIGKILL does not end is stuck in the kernel and keeps the lock of its spool.
            if child.exit_status is None and kill_late_process(child):
                # The outcome is known, so the next process need not report the capture as interrupted.
                message = "The station was stopped before the exposure ended."
                recover_spool(desired, DecidedOutcome("station_stopped", message))


def leave_alone(_slot: CameraSlot) -> None:
    """Nothing is due."""


def kill_late_process(child: CameraChild) -> bool:
    """True when it has ended within a second."""
    log.warning("%s did not finish in time and is killed.", child.slug)
    child.kill()
    return child.wait(1.0)
