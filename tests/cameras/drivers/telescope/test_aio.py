"""The coroutines against a simulated controller, in real time: a hundred times as fast as a real one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from scheduler.telescope.driver.aio import AsyncTelescopeCamera
from scheduler.telescope.driver.connection import ControllerHeld
from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import COMMAND_DELAY_S, CommandError
from scheduler.telescope.driver.steps import ExposurePending
from tests.harness.far_ends.fast_controller import FastController
from tests.harness.waiting import eventually, eventually_in_loop

SPEED = 100
SHORT = Field(expt=0.2 / 3600, shutter=SKY_CODE)


@pytest.fixture(params=[True, False], ids=["closing", "non-closing"])
def controller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastController]:
    monkeypatch.setattr("scheduler.telescope.driver.aio.COMMAND_DELAY_S", COMMAND_DELAY_S / SPEED)
    controller = FastController(request.param, SPEED)
    yield controller
    controller.stop()


def camera_of(controller: FastController) -> AsyncTelescopeCamera:
    ports = controller.simulator.command_port, controller.simulator.status_port
    return AsyncTelescopeCamera("127.0.0.1", "2025", command_port=ports[0], status_port=ports[1])


@pytest.fixture
async def camera(controller: FastController) -> AsyncIterator[AsyncTelescopeCamera]:
    async with camera_of(controller) as camera:
        yield camera


def sockets() -> set[str]:
    links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return {os.readlink(link) for link in links if os.path.islink(link) and os.readlink(link).startswith("socket:")}


async def test_a_waiting_exposure_has_its_reply(camera: AsyncTelescopeCamera, controller: FastController) -> None:
    result = await camera.take_exposure(SHORT, FitsHeader.initial())
    assert (result.waited, result.reply, result.actual_exposure_s) == (True, "DONE", pytest.approx(0.2))
    commands = [report.text.split()[0] for report in controller.reports if report.port == "command"]
    assert commands[:12] == ["header"] * 12


async def test_an_exposure_without_waiting_is_waited_for_later(camera: AsyncTelescopeCamera) -> None:
    result = await camera.take_exposure(SHORT, FitsHeader(), wait_flag=False)
    with pytest.raises(ExposurePending):
        await camera.clear_camera()
    done = await camera.wait_camera_readout()
    assert (result.reply, done and done.filename, done and done.reply) == (None, result.filename, "DONE")
    assert await camera.wait_camera_readout() is None


async def test_the_other_functions_have_their_coroutines(camera: AsyncTelescopeCamera) -> None:
    await camera.imprint_fits_header(FitsHeader(words=[("filterna", "rgzz")]))
    assert await camera.send_command("open_shutter") == "DONE"
    assert await camera.wait_exp_done(0.01) == 0.01
    assert (await camera.update_camera_status()).ready
    assert camera.cam_status.ready


async def test_the_status_is_read_beside_an_exposure(camera: AsyncTelescopeCamera) -> None:
    exposure = asyncio.ensure_future(camera.take_exposure(SHORT, FitsHeader()))
    statuses = [await camera.update_camera_status() for _ in range(3)]
    await exposure
    assert [status.ready for status in statuses] == [True] * 3


async def test_an_error_of_the_controller_is_raised(camera: AsyncTelescopeCamera) -> None:
    with pytest.raises(CommandError, match="refused 'expose True 1'"):
        await camera.send_command("expose True 1")


async def test_a_controller_that_is_away_is_a_failed_connection(controller: FastController) -> None:
    async with camera_of(controller) as camera:
        controller.stop()
        with pytest.raises(ConnectionError, match="Connection refused"):
            await camera.update_camera_status()


async def test_no_answer_is_a_time_out(camera: AsyncTelescopeCamera, controller: FastController) -> None:
    controller.simulator.faults.arm("no-answer", 1)
    with pytest.raises(TimeoutError, match=r"'open_shutter' within 0\.2 s"):
        await camera.send_command("open_shutter", 0.2)


async def test_a_second_camera_is_told_who_owns_the_controller(
    camera: AsyncTelescopeCamera, controller: FastController
) -> None:
    await camera.send_command("open_shutter")
    async with camera_of(controller) as second:
        with pytest.raises(ControllerHeld, match=rf"\b{os.getpid()}\b"):
            await second.send_command("open_shutter")


LONG_S = 3600.0
LONG = Field(expt=LONG_S / 3600, shutter=SKY_CODE)
Use = Callable[[AsyncTelescopeCamera], Awaitable[object]]


IN_A_COMMAND = 3
"""Sockets: the ownership of the controller, and both ends of a connection."""


@pytest.mark.parametrize(
    ("use", "opened"),
    [
        (lambda camera: camera.take_exposure(LONG, FitsHeader()), IN_A_COMMAND),
        (lambda camera: camera.take_exposure(LONG, FitsHeader(), wait_flag=False), IN_A_COMMAND),
        (lambda camera: camera.wait_exp_done(LONG_S), 0),
        (lambda camera: camera.send_command("open_shutter", LONG_S), IN_A_COMMAND),
        (lambda camera: camera.clear_camera(), IN_A_COMMAND),
    ],
    ids=["waiting", "not waiting", "wait", "command", "clear"],
)
async def test_a_cancelled_coroutine_leaves_nothing(use: Use, opened: int) -> None:
    controller = FastController()
    before, threads = sockets(), threading.active_count()
    async with camera_of(controller) as camera:
        controller.simulator.faults.arm("no-answer", 1)
        running = asyncio.ensure_future(use(camera))
        await asyncio.sleep(0)
        await eventually_in_loop(lambda: len(sockets() - before) >= opened)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not camera.is_readout_pending
        assert len(asyncio.all_tasks()) == 1
    assert threading.active_count() <= threads
    # Those of the controller close when it notices.
    eventually(lambda: sockets() <= before, "no socket remains")
    controller.stop()


async def test_a_cancelled_wait_leaves_the_exposure_pending() -> None:
    controller = FastController(speed=10)  # its readout takes a second
    async with camera_of(controller) as camera:
        await camera.take_exposure(SHORT, FitsHeader(), wait_flag=False)
        waiting = asyncio.ensure_future(camera.wait_camera_readout())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert camera.is_readout_pending
        done = await camera.wait_camera_readout()
    assert done is not None
    assert done.reply == "DONE"
    controller.stop()


async def test_a_closed_camera_leaves_nothing(controller: FastController) -> None:
    async with camera_of(controller) as camera:
        await camera.take_exposure(SHORT, FitsHeader(), wait_flag=False)
    assert len(asyncio.all_tasks()) == 1
    assert not camera.is_readout_pending


def test_a_name_needs_no_thread_after_the_loop(controller: FastController) -> None:
    async def read() -> bool | None:
        ports = controller.simulator.command_port, controller.simulator.status_port
        async with AsyncTelescopeCamera("localhost", command_port=ports[0], status_port=ports[1]) as camera:
            return (await camera.update_camera_status()).ready

    threads = threading.active_count()
    assert asyncio.run(read())
    assert threading.active_count() <= threads
