"""The table of states of a camera's process: it is complete, and each state is recognised."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, cast

import pytest

from cameras.supervision.camera_slot import CameraSlot, PortReset
from cameras.supervision.process_manager import RULES, Action, ProcessState, current_rule
from cameras.supervision.recovery_policy import RestartSchedule
from tests.harness.supervision.hosts import DESIRED

S = ProcessState


@dataclasses.dataclass
class Process:
    """What the table reads of a process."""

    exit_status: int | None = None
    ending: bool = False
    killed: bool = False


def slot_with(process: Process | None = None, **desired: Any) -> CameraSlot:
    slot = CameraSlot(dataclasses.replace(DESIRED, **desired), RestartSchedule())
    slot.child = cast(Any, process)
    return slot


def test_each_state_has_one_rule() -> None:
    assert sorted(rule.state.name for rule in RULES) == sorted(state.name for state in ProcessState)


def test_each_state_can_be_left_and_reached() -> None:
    followed = {rule.state: {state for state in ProcessState if state in rule.successors} for rule in RULES}
    assert set().union(*followed.values()) == set(ProcessState)
    assert all(followed.values())


def test_each_action_is_done_in_some_state() -> None:
    assert {rule.action for rule in RULES} == set(Action)


@pytest.mark.parametrize(
    ("process", "state"),
    [
        (Process(), S.RUNNING),
        (Process(killed=True), S.KILLED),
        (Process(ending=True), S.ENDING),
        (Process(ending=True, killed=True), S.ENDING),
        (Process(exit_status=0), S.EXITED),
        (Process(exit_status=-9, ending=True, killed=True), S.EXITED),
        (None, S.DUE),
    ],
)
def test_the_state_of_a_process(process: Process | None, state: ProcessState) -> None:
    assert current_rule(slot_with(process)).state is state


@pytest.mark.parametrize("process", [Process(), Process(ending=True), Process(exit_status=1)])
def test_what_the_tick_after_a_start_finds_may_follow_it(process: Process) -> None:
    assert current_rule(slot_with(process)).state in current_rule(slot_with()).successors


@pytest.mark.parametrize("desired", [{"enabled": False}, {"connected": False}, {"removed": True}, {"elsewhere": True}])
def test_no_process_is_started_for_a_camera_that_should_not_run(desired: dict[str, bool]) -> None:
    assert current_rule(slot_with(**desired)).state is S.OFF


def test_a_process_whose_camera_should_not_run_any_more_is_still_watched_until_it_is_ended() -> None:
    assert current_rule(slot_with(Process(), enabled=False)).state is S.RUNNING


def test_a_camera_without_a_process_waits_for_what_holds_it_longest() -> None:
    slot, seen = slot_with(), []
    slot.quarantined, slot.port_reset = "It failed.", PortReset(time.monotonic() + 60)
    slot.restarts.not_before = time.monotonic() + 60
    seen.append(current_rule(slot).state)
    slot.quarantined = ""
    seen.append(current_rule(slot).state)
    slot.port_reset.end()
    seen.append(current_rule(slot).state)
    slot.restarts.reset()
    seen.append(current_rule(slot).state)
    assert seen == [S.QUARANTINED, S.RESETTING, S.WAITING, S.DUE]
