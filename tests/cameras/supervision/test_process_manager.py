"""The start and the end of camera processes, with real processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.spool.recovery import DecidedOutcome
from cameras.supervision.alerts import CameraAlerts, FailureAlerts
from cameras.supervision.camera_slot import CameraSlot, CameraSlots, OutstandingCommand
from cameras.supervision.desired_state import DesiredState, EndedSessions
from cameras.supervision.host_identity import HostLock, HostLocked
from cameras.supervision.process_manager import ProcessManager, ProcessStarter
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_steps import Quarantine
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import Answers, Events, slots_of
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[CameraSlots]:
    (tmp_path / "root").mkdir()
    slots = slots_of(Archive(tmp_path / "root").desired())
    yield slots
    for slot in slots.values():
        if slot.child:
            slot.child.kill()
            slot.child.wait(PATIENCE_S)
            slot.child.finish()


@pytest.fixture
def slot(slots: CameraSlots) -> CameraSlot:
    [slot] = slots.values()
    return slot


@pytest.fixture
def processes(tmp_path: Path, slots: CameraSlots, events: Events, answers: Answers) -> ProcessManager:
    quarantine = Quarantine(events)
    alerts = CameraAlerts(events, quarantine)
    ladder = RecoveryLadder(events, alerts, quarantine, None, time.monotonic)
    register = tmp_path / "cameras.json"
    starter = ProcessStarter(
        slots, register, events, EndedSessions(), lambda child, report: None, lambda slot: [], time.monotonic
    )
    session_watch = SessionWatch(alerts, ladder)
    return ProcessManager(slots, register, starter, events, answers, ladder, session_watch, FailureAlerts(events))


def killed(processes: ProcessManager, slot: CameraSlot) -> None:
    processes.maintain_process(slot)
    assert slot.child is not None
    slot.child.kill()
    slot.child.wait(PATIENCE_S)


def test_the_end_of_a_process_answers_its_callers_but_not_those_of_captures(
    processes: ProcessManager, slot: CameraSlot, answers: Answers
) -> None:
    killed(processes, slot)
    slot.outstanding.add("read", OutstandingCommand(None, slot.child))
    slot.outstanding.add("capture", OutstandingCommand("x", slot.child))
    processes.maintain_process(slot)
    [(command, content)] = answers.sent
    assert command == "read"
    assert content["reason"] == "camera_crashed"
    assert list(slot.outstanding.captures()) == ["capture"]


def test_a_process_that_ended_is_started_again(processes: ProcessManager, slot: CameraSlot, events: Events) -> None:
    killed(processes, slot)
    first = slot.child
    processes.maintain_process(slot)
    processes.maintain_process(slot)
    assert slot.child is not None
    assert slot.child is not first
    assert [state for state, _ in events.observed] == ["starting", "reconnecting", "starting"]


def test_a_process_left_behind_is_killed_by_its_register(processes: ProcessManager, slot: CameraSlot) -> None:
    processes.maintain_process(slot)
    child: Any = slot.child
    processes.kill_orphans()
    assert child.wait(PATIENCE_S)


def test_at_the_end_every_process_has_finished_by_itself(processes: ProcessManager, slot: CameraSlot) -> None:
    recovered: list[tuple[DesiredState, DecidedOutcome]] = []
    processes.maintain_process(slot)
    eventually(lambda: slot.child and slot.child.state.get("observed") == "ready")
    processes.finish_processes(lambda desired, decided: recovered.append((desired, decided)))
    assert (slot.child and slot.child.exit_status) == 0
    assert recovered == []


def test_a_host_has_one_supervisor_on_a_machine(tmp_path: Path) -> None:
    first, second = HostLock("main", tmp_path), HostLock("main", tmp_path)
    first.acquire()
    with pytest.raises(HostLocked, match="'main'"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
