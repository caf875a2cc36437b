"""Commands on their way to a camera process, built from their ports, with a process that keeps what it is sent."""

from __future__ import annotations

import dataclasses
import queue
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cameras.commands.messages import Command
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.command_results import CommandResults, ReconcileWaiters
from cameras.supervision.command_router import Arrival, CommandRouter, CommandSender
from cameras.supervision.recovery_steps import Quarantine
from tests.harness.supervision.hosts import DESIRED, Answers, Events, Outcomes, Records, slots_of
from tests.harness.supervision.processes import Process

HERE: Any = SimpleNamespace(snapshot=SimpleNamespace(recording={"crf": 23}))
"""The recording settings of this host."""
REMAINING_MS = 600_000
"""Of a command when it arrives."""


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def slots() -> CameraSlots:
    return slots_of(DESIRED)


@pytest.fixture
def sender(answers: Answers, outcomes: Outcomes) -> CommandSender:
    return CommandSender("main", HERE, outcomes, answers)


@pytest.fixture
def requested() -> list[str]:
    """What the router asked other parts for."""
    return []


@pytest.fixture
def waiting() -> queue.Queue[Arrival]:
    """Commands that have arrived and are not routed yet."""
    return queue.Queue()


@pytest.fixture
def router(
    slots: CameraSlots,
    waiting: queue.Queue[Arrival],
    sender: CommandSender,
    answers: Answers,
    requested: list[str],
) -> CommandRouter:
    statuses: Any = SimpleNamespace(build_status=lambda slot: {"observed": slot.observed[0]})
    waiters, quarantine = ReconcileWaiters(slots, statuses, answers), Quarantine(Events())
    return CommandRouter(
        slots, waiting, sender, waiters, quarantine, answers,
        request_discovery=requested.append, read_soon=lambda: requested.append("a read"),
    )  # fmt: skip


@pytest.fixture
def process(slots: CameraSlots) -> Process:
    """The process of the camera."""
    process = Process()
    slots["1"].child = cast(Any, process)
    return process


def command(order: str, camera: str = "1", **arguments: Any) -> Command:
    arguments = {"remaining_ms": REMAINING_MS, **arguments}
    return cast(Any, {"command_id": "c", "camera": camera, "slug": "sim", "order": order, "arguments": arguments})


def route(router: CommandRouter, sent: Command) -> None:
    router.route(sent, time.monotonic())


def test_a_command_goes_to_the_process_of_its_camera(router: CommandRouter, process: Process) -> None:
    route(router, command("read"))
    assert [order for order, _ in process.sent] == ["read"]


def test_a_command_that_has_waited_too_long_is_dropped(router: CommandRouter, process: Process) -> None:
    router.route(command("read"), time.monotonic() - REMAINING_MS / 1000 - 1)
    assert process.sent == []


def test_discovery_needs_no_camera(router: CommandRouter, requested: list[str]) -> None:
    route(router, command("detect", camera=""))
    assert requested == ["c"]


def test_a_command_for_a_camera_that_was_just_added_waits_until_it_is_read(
    router: CommandRouter, slots: CameraSlots, requested: list[str], answers: Answers
) -> None:
    route(router, command("read", camera="2"))
    before = (requested.copy(), answers.answered)
    slots.add(CameraSlot(dataclasses.replace(DESIRED, id="2"), slots["1"].restarts))
    slots["2"].child = cast(Any, Process())
    router.route_waiting()
    assert before == (["a read"], [])
    assert cast(Any, slots["2"].child).sent[0][0] == "read"


def test_a_command_that_waited_for_its_camera_has_only_the_rest_of_its_time(
    router: CommandRouter, slots: CameraSlots
) -> None:
    router.route(command("capture", id="x"), time.monotonic() - 4)
    process = Process()
    slots["1"].child = cast(Any, process)
    router.route_waiting()
    [(_, arguments)] = process.sent
    assert 0 < arguments["remaining_ms"] <= REMAINING_MS - 4_000


def test_a_command_that_waited_for_its_camera_is_sent_before_a_later_one(
    slots: CameraSlots, router: CommandRouter, waiting: queue.Queue[Arrival]
) -> None:
    route(router, command("configure", settings={"iso": 100}))
    process = Process()
    slots["1"].child = cast(Any, process)
    waiting.put((command("configure", settings={"iso": 200}), time.monotonic()))
    router.route_waiting()
    assert [arguments["settings"] for _, arguments in process.sent] == [{"iso": 100}, {"iso": 200}]


def test_a_command_for_a_camera_that_this_host_does_not_have_is_refused(
    router: CommandRouter, slots: CameraSlots, answers: Answers
) -> None:
    slots.read_at = time.monotonic() + 1
    route(router, command("read", camera="2"))
    assert "does not know sim" in answers.sent[0][1]["detail"]


def test_a_capture_that_cannot_be_sent_has_its_outcome_decided(
    router: CommandRouter, slots: CameraSlots, answers: Answers, outcomes: Outcomes
) -> None:
    slots["1"].quarantined = "It failed."
    route(router, command("capture", id="x"))
    assert outcomes.decided == [("x", "camera_unreachable")]
    assert answers.sent == []


def test_a_command_to_a_process_that_just_ended_is_refused_once(
    router: CommandRouter, slots: CameraSlots, process: Process, answers: Answers
) -> None:
    process.reads = False
    route(router, command("read"))
    assert answers.answered == ["c"]
    assert len(slots["1"].outstanding) == 0


def test_a_capture_sent_to_a_process_that_just_ended_waits_for_the_spool(
    router: CommandRouter, slots: CameraSlots, process: Process, answers: Answers
) -> None:
    process.reads = False
    route(router, command("capture", id="x"))
    assert answers.answered == []
    assert list(slots["1"].outstanding.captures()) == ["c"]


def test_commanded_settings_are_added_to_the_known_ones_unless_they_are_the_whole(
    router: CommandRouter, slots: CameraSlots, process: Process
) -> None:
    route(router, command("configure", settings={"iso": 100}))
    added = process.desired["settings"]
    route(router, command("configure", settings={"iso": 200}, whole=True))
    assert added == {"gain": 1, "iso": 100}
    assert slots["1"].commanded_settings.value == {"iso": 200}


def test_a_commanded_recording_has_the_settings_of_this_host(router: CommandRouter, process: Process) -> None:
    route(router, command("record", recording={"kind": "rolling", "crf": 40}))
    [(_, arguments)] = process.sent
    assert arguments["recording"] == {"kind": "rolling", "crf": 23}


def test_faults_are_kept_for_the_next_process_of_a_camera_in_quarantine(
    router: CommandRouter, slots: CameraSlots, answers: Answers
) -> None:
    slots["1"].quarantined = "It failed."
    route(router, command("faults", faults={"hang": 1}))
    assert slots["1"].faults == {"hang": 1}
    assert slots["1"].quarantined == "It failed."
    assert answers.answered == ["c"]
    route(router, command("faults", faults={}))
    assert slots["1"].quarantined == ""


def test_a_caller_of_reconcile_is_answered_once_the_change_is_applied(
    router: CommandRouter, slots: CameraSlots, process: Process, answers: Answers
) -> None:
    route(router, command("reconcile"))
    router.route_waiting()
    before = answers.answered
    slots.read_at = time.monotonic() + 1
    router.route_waiting()
    router.route_waiting()
    assert before == []
    assert answers.sent == [("c", {"ok": True, "body": {"observed": "ready"}})]


@pytest.fixture
def results(answers: Answers, outcomes: Outcomes, requested: list[str]) -> CommandResults:
    return CommandResults(
        Records(), outcomes, answers,
        record_recovery=lambda slot, report: requested.append("a recovery"),
        publish_status=lambda slot: requested.append("a status"),
    )  # fmt: skip


def answer(**fields: Any) -> Any:
    return {"type": "answer", "command_id": "c", "ok": True, **fields}


def test_an_answer_of_a_process_reaches_its_caller(
    results: CommandResults, slots: CameraSlots, answers: Answers
) -> None:
    results.handle_answer(slots["1"], cast(Any, Process()), answer(body={"actual": {}}, id="x", unstarted=False))
    assert answers.sent == [("c", {"ok": True, "body": {"actual": {}}})]


def test_the_status_is_published_before_the_answer_about_a_recording(
    results: CommandResults, slots: CameraSlots, answers: Answers, requested: list[str]
) -> None:
    results.handle_answer(slots["1"], cast(Any, Process()), answer(body={"recorder": None, "clip": None}))
    assert requested == ["a status"]
    assert answers.answered == ["c"]


def test_a_capture_that_its_process_did_not_start_has_its_outcome_decided(
    results: CommandResults, slots: CameraSlots, answers: Answers, outcomes: Outcomes
) -> None:
    report = answer(ok=False, id="x", unstarted=True, reason="camera_held", detail="Another program has it.")
    results.handle_answer(slots["1"], cast(Any, Process()), report)
    assert outcomes.decided == [("x", "camera_held")]
    assert answers.sent == []


@pytest.mark.parametrize(
    ("reason", "decided"), [("rejected_setting", [("s", "rejected_setting")]), ("root_missing", [])]
)
def test_a_refused_session_is_decided_unless_its_root_may_come_back(
    results: CommandResults, slots: CameraSlots, outcomes: Outcomes, reason: str, decided: list[tuple[str, str]]
) -> None:
    report = answer(ok=False, problem="camera-not-reachable", reason=reason, detail="No.")
    results.handle_answer(slots["1"], cast(Any, Process()), {**report, "command_id": "desired-s"})
    assert outcomes.decided == decided
