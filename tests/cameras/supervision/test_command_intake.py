"""Commands as they arrive from the host's list."""

from __future__ import annotations

import queue
from typing import Any

import pytest

from cameras.commands.messages import Command, CommandMessage
from cameras.supervision.camera_slot import CameraSlots
from cameras.supervision.command_router import REMEMBERED_COMMANDS, Arrival, CommandIntake, CommandSender
from cameras.supervision.ingest import NO_FENCE
from cameras.supervision.outbox import Outbox
from cameras.supervision.spool_janitor import OutcomeReconciler
from captures.capturing.outcomes import fail_unsent_capture
from captures.models import Capture
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import Answers

pytestmark = pytest.mark.django_db
NOW_MS, NEXT_CENTURY_MS = 1_800_000_000_000, 4_100_000_000_000


@pytest.fixture
def waiting() -> queue.Queue[Arrival]:
    return queue.Queue()


@pytest.fixture
def remembered() -> int:
    return REMEMBERED_COMMANDS


@pytest.fixture
def intake(waiting: queue.Queue[Arrival], remembered: int) -> CommandIntake:
    """Of a host that knows no camera: no command is sent at once."""
    outcomes = OutcomeReconciler("main", NO_FENCE, CameraSlots(), Answers(), Outbox(NO_FENCE))
    sender = CommandSender("main", Any, outcomes, Answers())
    return CommandIntake(CameraSlots(), sender, outcomes, waiting, lambda: None, remembered)


def command_of(capture: Capture, deadline_ms: int = NEXT_CENTURY_MS) -> Command:
    return CommandMessage(
        command_id="c", camera=str(capture.camera_id), slug="sim", order="capture",
        arguments={"id": str(capture.id), "asked": {}}, deadline_ms=deadline_ms,
    )  # fmt: skip


def test_an_id_that_arrives_twice_is_routed_once(
    archive: Archive, intake: CommandIntake, waiting: queue.Queue[Arrival]
) -> None:
    planned = archive.planned()
    intake.route_command(command_of(planned), NOW_MS)
    intake.route_command(command_of(planned), NOW_MS)
    assert waiting.qsize() == 1


def test_a_command_past_its_deadline_is_dropped(
    archive: Archive, intake: CommandIntake, waiting: queue.Queue[Arrival]
) -> None:
    intake.route_command(command_of(archive.planned(), deadline_ms=NOW_MS), NOW_MS)
    assert waiting.qsize() == 0


def test_an_id_whose_outcome_an_earlier_supervisor_ingested_is_not_routed(
    archive: Archive, intake: CommandIntake, waiting: queue.Queue[Arrival]
) -> None:
    planned = archive.planned()
    fail_unsent_capture(planned.id, "not_started", "The station was stopped.")
    intake.route_command(command_of(planned), NOW_MS)
    assert waiting.qsize() == 0


@pytest.mark.parametrize("remembered", [2])
def test_the_oldest_remembered_id_is_forgotten_first(
    archive: Archive, intake: CommandIntake, waiting: queue.Queue[Arrival]
) -> None:
    first, second, third = (command_of(archive.planned()) for _ in range(3))
    [intake.route_command(command, NOW_MS) for command in (first, second, third)]
    [intake.route_command(command, NOW_MS) for command in (third, second, first)]
    routed = [arrival[0]["arguments"]["id"] for arrival in waiting.queue]
    assert routed == [command["arguments"]["id"] for command in (first, second, third, first)]
