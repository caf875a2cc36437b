"""The states of one camera's process, what the Supervisor does in each, and which may follow: one table.

A state is derived from the slot on each tick and stored nowhere, so it cannot disagree with the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import Enum, auto

from cameras.supervision.camera_slot import CameraSlot


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
