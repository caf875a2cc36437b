"""Exposures without waiting, from a controller that is killed at any time."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from scheduler.telescope.driver.controller import TelescopeCamera
from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import CommandError
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import running_controller
from tests.harness.waiting import eventually


class KilledController:
    """A controller that is killed and started again, at times of its own random numbers, until `stop`."""

    def __init__(self, clock: SharedTime, seed: int) -> None:
        self._clock, self._random = clock, random.Random(seed)
        self._running = ExitStack()
        first = self._running.enter_context(running_controller(clock))
        self.ports = (first.command_port, first.status_port)
        self.kills = 0
        self._is_stopping = False
        self._thread = clock.start_thread(self._run, "killer")

    def _run(self) -> None:
        while not self._is_stopping:
            self._clock.sleep(self._random.uniform(0.0, 40.0))
            self._running.close()
            self.kills += 1
            self._clock.sleep(self._random.uniform(0.0, 4.0))
            command_port, status_port = self.ports
            self._running.enter_context(
                running_controller(self._clock, command_port=command_port, status_port=status_port)
            )

    def stop(self) -> None:
        self._is_stopping = True
        self._clock.join(self._thread)
        self._running.close()


def outcome(camera: TelescopeCamera) -> str:
    """Of one exposure: `DONE`, or the error that its program got."""
    try:
        taken = camera.take_exposure(Field(expt=1 / 3600, shutter=SKY_CODE), FitsHeader(), wait_flag=False)
        done = camera.wait_camera_readout()
    except (ConnectionError, TimeoutError, CommandError) as error:
        return type(error).__name__
    assert done is not None
    assert (done.filename, done.reply) == (taken.filename, "DONE")
    return "DONE"


def settle(camera: TelescopeCamera) -> None:
    """After an error of `take_exposure` its command may still be on its way; it has an outcome too."""
    try:
        camera.wait_camera_readout()
    except (ConnectionError, TimeoutError, CommandError):
        assert not camera.is_readout_pending


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def expose_many(count: int, seed: int) -> None:
    files, threads = open_files(), threading.active_count()
    with SharedTime() as clock:
        controller = KilledController(clock, seed)
        command_port, status_port = controller.ports
        outcomes: Counter[str] = Counter()
        with TelescopeCamera(
            "127.0.0.1", "2025", command_port=command_port, status_port=status_port, clock=clock,
            start=clock.start_thread,
        ) as camera:  # fmt: skip
            for _ in range(count):
                outcomes[outcome(camera)] += 1
                settle(camera)
                assert not camera.is_readout_pending
                # As a scheduler does. Without it all exposures would fail in one short absence.
                clock.sleep(2.0)
        controller.stop()
    eventually(lambda: open_files() <= files and threading.active_count() <= threads)
    assert outcomes.total() == count
    assert outcomes["DONE"] > count / 4
    assert controller.kills > count / 10


@pytest.mark.slow
def test_each_exposure_has_an_outcome_although_the_controller_is_killed() -> None:
    expose_many(60, seed=1)


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_each_exposure_has_an_outcome_in_other_orders_of_kills() -> None:
    expose_many(10_000, random.randrange(1 << 30))
