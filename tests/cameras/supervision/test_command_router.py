"""Commands as they arrive from the host's list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.commands.control import Command
from cameras.supervision.command_router import CommandRouter
from cameras.supervision.supervisor import Supervisor
from captures.capturing.decided_outcomes import fail_unsent_capture
from captures.models import Capture
from tests.api.conftest import valkey
from tests.faults.archive import Archive

__all__ = ["valkey"]
pytestmark = pytest.mark.django_db
NEXT_CENTURY_MS = 4_100_000_000_000


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def command_router(valkey: Any) -> CommandRouter:
    return Supervisor().command_router


def command_of(capture: Capture) -> Command:
    return Command(
        command_id="c", camera=str(capture.camera_id), slug="sim", order="capture",
        arguments={"id": str(capture.id), "asked": {}}, deadline_ms=NEXT_CENTURY_MS,
    )  # fmt: skip


def test_an_id_that_arrives_twice_is_routed_once(archive: Archive, command_router: CommandRouter) -> None:
    planned = archive.planned()
    command_router.route_command(command_of(planned))
    command_router.route_command(command_of(planned))
    assert command_router._queue.qsize() == 1


def test_an_id_whose_outcome_an_earlier_supervisor_ingested_is_not_routed(
    archive: Archive, command_router: CommandRouter
) -> None:
    planned = archive.planned()
    fail_unsent_capture(planned.id, "not_started", "The station was stopped.")
    command_router.route_command(command_of(planned))
    assert command_router._queue.qsize() == 0


def test_the_oldest_remembered_id_is_forgotten_first(
    archive: Archive, command_router: CommandRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cameras.supervision.command_router.REMEMBERED", 2)
    first, second, third = (archive.planned() for _ in range(3))
    [command_router.route_command(command_of(planned)) for planned in (first, second, third)]
    assert list(command_router._seen_captures) == [str(second.id), str(third.id)]
