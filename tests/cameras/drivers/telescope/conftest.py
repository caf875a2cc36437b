"""What the tests of the telescope's camera share: a simulated controller and a client of it, on one time; and the
structures of the C scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scheduler.telescope.driver.controller import TelescopeCamera
from scheduler.telescope.driver.protocol import ProfileName
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.c_scheduler.build import CScheduler
from tests.harness.far_ends.telescope_controller import RunningController, running_controller

StartController = Callable[..., RunningController]


@pytest.fixture
def clock() -> Iterator[SharedTime]:
    with SharedTime() as clock:
        yield clock


@pytest.fixture
def start_controller(clock: SharedTime) -> Iterator[StartController]:
    """Starts a simulated controller with these options; it runs until the end of the test."""
    with ExitStack() as running:

        def start(**options: Any) -> RunningController:
            return running.enter_context(running_controller(clock, **({"is_strict": True} | options)))

        yield start


@pytest.fixture
def controller(start_controller: StartController) -> RunningController:
    return start_controller()


Connect = Callable[..., TelescopeCamera]


@pytest.fixture
def connect(clock: SharedTime) -> Iterator[Connect]:
    """A camera for a controller."""
    with ExitStack() as cameras:

        def connect_to(controller: RunningController, profile: ProfileName = "2025") -> TelescopeCamera:
            command_port, status_port = controller.command_port, controller.status_port
            return cameras.enter_context(
                TelescopeCamera(
                    "127.0.0.1", profile, command_port=command_port, status_port=status_port, clock=clock,
                    start=clock.start_thread,
                )
            )  # fmt: skip

        yield connect_to


@pytest.fixture
def camera(controller: RunningController, connect: Connect) -> TelescopeCamera:
    return connect(controller)


@pytest.fixture
def c_scheduler(tmp_path: Path) -> CScheduler:
    return CScheduler(tmp_path)
