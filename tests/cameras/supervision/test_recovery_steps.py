"""The recovery ladder, quarantine and alerts of a camera, built from their ports, with a process that the test sets."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, cast

import pytest

from cameras.supervision.alerts import CameraAlerts, FailureAlerts
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_policy import PictureWatch, RestartSchedule
from cameras.supervision.recovery_steps import Quarantine
from core.limits.repeats import BackOff
from tests.harness.supervision.hosts import DESIRED, Events
from tests.harness.supervision.processes import Process

SIGKILL, SIGSEGV = -9, -11


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def resets() -> list[CameraSlot]:
    """The cameras whose USB port was reset."""
    return []


@dataclasses.dataclass
class IdleCores:
    """A machine whose cores had nothing to do for so long."""

    cores: int = 1

    @property
    def core_s(self) -> float:
        return self.cores * time.monotonic()


@pytest.fixture
def idle() -> IdleCores:
    return IdleCores()


@pytest.fixture
def ladder(events: Events, resets: list[CameraSlot], idle: IdleCores) -> RecoveryLadder:
    quarantine = Quarantine(events)
    return RecoveryLadder(events, CameraAlerts(events, quarantine), quarantine, resets.append, lambda: idle.core_s)


def slot_of(process: Process | None = None) -> CameraSlot:
    slot = CameraSlot(DESIRED, RestartSchedule(BackOff(30.0, 3, 10.0)))
    slot.child = cast(Any, process)
    slot.restarts.record_start(time.monotonic(), time.monotonic())
    return slot


def test_a_camera_in_time_is_left_alone(ladder: RecoveryLadder, events: Events) -> None:
    process = Process()
    ladder.check_process(slot_of(process))
    assert process.sent == []
    assert process.killed is False
    assert events.recorded == []


def test_the_first_step_for_a_late_camera_is_to_abort(ladder: RecoveryLadder, events: Events) -> None:
    process = Process(state={"overdue_s": 1.0, "doing": "exposing"})
    ladder.check_process(slot_of(process))
    assert process.sent_types == ["abort"]
    assert events.recorded == ["abort"]


def test_a_silent_process_is_late_too(ladder: RecoveryLadder) -> None:
    process = Process(silent=60.0)
    ladder.check_process(slot_of(process))
    assert process.sent_types == ["abort"]


def test_a_process_that_only_waited_for_a_processor_is_not_late(ladder: RecoveryLadder, events: Events) -> None:
    process = Process(silent=60.0, waited=58.0)
    ladder.check_process(slot_of(process))
    assert process.sent == []
    assert events.recorded == []


def test_a_process_that_starts_is_late_after_the_time_of_opening(ladder: RecoveryLadder) -> None:
    starting, hanging = Process(observed=("starting", ""), silent=10.0), Process(observed=("starting", ""), silent=60.0)
    for process in (starting, hanging):
        ladder.check_process(slot_of(process))
    assert [process.sent_types for process in (starting, hanging)] == [[], ["abort"]]


def test_a_present_camera_that_fails_repeatedly_gets_a_new_process(ladder: RecoveryLadder, events: Events) -> None:
    trouble = {"reason": "camera_error", "permanent": False}
    process = Process(state={"failures": 8, "trouble": trouble}, observed=("reconnecting", "It failed."))
    slot = slot_of(process)
    for _ in range(3):  # a process that waits in the kernel for a device ends late
        ladder.check_process(slot)
    assert process.killed is True
    assert slot.decided_outcome == {"reason": "camera_error", "message": "It failed."}
    assert events.recorded == ["kill"]
    assert events.open_alerts == ["camera.unreachable:sim"]


def test_a_crash_is_restarted_at_once_then_after_a_pause_then_quarantined(
    ladder: RecoveryLadder, events: Events
) -> None:
    slot = slot_of()
    for _ in range(3):
        ladder.schedule_restart(slot, SIGSEGV, delivered=True)
    assert events.recorded == ["part.restarted", "part.restarted", "back_off", "part.restarted", "quarantine"]
    assert bool(slot.quarantined)
    assert events.open_alerts == ["camera.quarantined:sim"]
    assert [state for state, _ in events.observed] == ["reconnecting", "reconnecting", "quarantined"]


def test_nothing_is_quarantined_while_the_machine_has_no_idle_core(
    ladder: RecoveryLadder, events: Events, idle: IdleCores
) -> None:
    slot, idle.cores = slot_of(), 0
    slot.restarts.record_start(time.monotonic(), idle.core_s)
    for _ in range(6):
        ladder.schedule_restart(slot, SIGSEGV, delivered=False)
    assert slot.quarantined == ""
    assert "quarantine" not in events.recorded


def test_a_crash_decides_the_outcome_and_a_kill_by_another_does_not(ladder: RecoveryLadder) -> None:
    crashed, killed = slot_of(), slot_of()
    ladder.schedule_restart(crashed, SIGSEGV, delivered=True)
    ladder.schedule_restart(killed, SIGKILL, delivered=True)
    assert (crashed.decided_outcome or {}).get("reason") == "camera_crashed"
    assert killed.decided_outcome is None


def test_no_port_is_reset_for_a_camera_that_is_not_on_usb(ladder: RecoveryLadder, resets: list[CameraSlot]) -> None:
    slot = slot_of()
    for _ in range(2):
        ladder.schedule_restart(slot, SIGSEGV, delivered=True)
    assert resets == []


def test_a_release_resolves_the_alert_and_lets_the_process_start_at_once(events: Events) -> None:
    slot, quarantine = slot_of(), Quarantine(events)
    slot.restarts.not_before = time.monotonic() + 60
    quarantine.quarantine(slot, "It crashed.")
    quarantine.release(slot, "a person")
    assert slot.quarantined == ""
    assert slot.restarts.not_before == 0.0
    assert events.open_alerts == []
    assert events.recorded == ["quarantine", "release"]


def test_a_camera_without_a_quarantine_is_released_without_an_event(events: Events) -> None:
    Quarantine(events).release(slot_of(), "a person")
    assert events.recorded == []


def test_the_alerts_of_a_camera_that_should_not_run_are_resolved(events: Events) -> None:
    slot = slot_of()
    slot.alerts.add("recording.failed:sim")
    slot.unreachable_alerted, events.open_alerts = True, ["recording.failed:sim", "camera.unreachable:sim"]
    CameraAlerts(events, Quarantine(events)).clear_alerts(slot)
    assert events.open_alerts == []
    assert slot.unreachable_alerted is False


def test_an_error_of_a_step_is_one_alert_until_the_step_succeeds(events: Events) -> None:
    failures, opened = FailureAlerts(events), []
    for step in (lambda: {}["nothing"], lambda: {}["nothing"], lambda: None):
        failures.run_safely(DESIRED, step)
        opened.append(list(events.open_alerts))
    key = "supervisor.stumbled:sim"
    assert opened == [[key], [key], []]


STALLED: dict[str, Any] = {
    "session": {"id": "a", "name": "M 31", "state": "running", "saved": 5, "interval_s": 0.0, "waits": ""},
    "last_capture": None,
}


def test_a_process_that_has_only_answered_a_recording_command_is_not_judged(
    events: Events, ladder: RecoveryLadder
) -> None:
    watch = SessionWatch(CameraAlerts(events, Quarantine(events)), ladder)
    watch.check_session(slot_of(Process(state={"recorder": None})))
    assert events.recorded == []


def test_the_start_of_a_new_process_does_not_end_the_alert_of_a_stalled_session(
    events: Events, ladder: RecoveryLadder
) -> None:
    watch, slot = SessionWatch(CameraAlerts(events, Quarantine(events)), ladder), slot_of(Process(state=STALLED))
    slot.picture_watch = PictureWatch(least_s=1e-9)
    watch.check_session(slot)
    watch.check_session(slot)
    assert events.open_alerts == ["session.stalled:sim"]
    slot.child = cast(Any, Process(state={**STALLED, "session": None}, has_recovered=False))
    watch.check_session(slot)
    assert events.open_alerts == ["session.stalled:sim"]
