"""The camera as its program sees it, with coroutines. Each may be cancelled: no socket, task or thread remains."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from scheduler.telescope.driver import steps as exposures
from scheduler.telescope.driver.clock import SystemClock
from scheduler.telescope.driver.connection import Address, ControllerLock, failure_of, slowness_of
from scheduler.telescope.driver.field import Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import (
    COMMAND_DELAY_S,
    COMMAND_TIMEOUT_S,
    HOST,
    STATUS,
    CommandError,
    ExposureMode,
    Profile,
    ProfileName,
    ReplyReader,
    check_command,
    check_reply,
)
from scheduler.telescope.driver.status import CameraStatus
from scheduler.telescope.driver.steps import AskStatus, Begin, CameraState, ExposureResult, Send, Sleep, Steps

T = TypeVar("T")


class AsyncCommandPort:
    """As `CommandPort`, for coroutines of one event loop."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._turn = asyncio.Lock()
        self._free_at = float("-inf")

    async def send(self, command: str, timeout_s: float) -> str:
        content, loop, reader = check_command(command), asyncio.get_running_loop(), ReplyReader()
        async with self._turn:
            await asyncio.sleep(self._free_at - loop.time())
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._exchange(content, reader)
            except TimeoutError:
                if (reply := reader.at_deadline()) is not None:
                    return reply
                raise slowness_of(self.host, self.port, command, timeout_s, reader.text) from None
            except OSError as error:
                raise failure_of(self.host, self.port, error) from error
            finally:
                self._free_at = loop.time() + COMMAND_DELAY_S

    async def _exchange(self, content: bytes, reader: ReplyReader) -> str:
        loop = asyncio.get_running_loop()
        async with self._connect() as connection:
            await loop.sock_sendall(connection, content)
            while piece := await loop.sock_recv(connection, 4096):
                if reader.feed(piece):
                    return reader.text
            return reader.at_end()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[socket.socket]:
        problem: OSError = ConnectionError("its name has no address")
        for family, address in await self._resolve():
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, address)
                except TimeoutError:
                    raise
                except OSError as error:
                    problem = error
                else:
                    yield connection
                    return
        raise problem

    async def _resolve(self) -> list[Address]:
        try:
            # An IP address needs no thread of the event loop.
            found = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            )
        except socket.gaierror:
            found = await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


class CommandTask:
    """A command that a task sends."""

    def __init__(self, command: str, sending: Coroutine[Any, Any, str]) -> None:
        self.command = command
        self.task = asyncio.create_task(sending, name=f"telescope-{command.split(maxsplit=1)[0]}")

    @property
    def is_done(self) -> bool:
        return self.task.done()

    def result(self) -> str:
        return self.task.result()

    async def cancel(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


class AsyncTelescopeCamera(CameraState[CommandTask]):
    """As `TelescopeCamera`, for coroutines of one event loop. Use it with `async with`, or call `aclose`."""

    def __init__(
        self,
        host: str = HOST,
        profile: ProfileName | Profile = "seed",
        *,
        command_port: int | None = None,
        status_port: int | None = None,
    ) -> None:
        super().__init__(profile, SystemClock())
        self._command_port = AsyncCommandPort(host, command_port or self.profile.command_port)
        self._status_port = AsyncCommandPort(host, status_port or self.profile.status_port)
        self._lock = ControllerLock(host, self._command_port.port)

    async def aclose(self) -> None:
        """End what runs here. The controller goes on with an exposure."""
        await self._cancel_pending()
        self._lock.release()

    async def _cancel_pending(self) -> None:
        if (pending := self._pending) is not None:
            self._forget(pending)
            await pending.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # Commands

    async def send_command(self, command: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        self._check_idle(command)
        self._lock.acquire()
        return await self._send(command, timeout_s)

    async def _send(self, command: str, timeout_s: float) -> str:
        return check_reply(command, await self._command_port.send(command, timeout_s))

    async def send_status_command(self, command: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        return check_reply(command, await self._status_port.send(command, timeout_s))

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    reply = await self._run_step(step)
                except (OSError, ValueError, CommandError) as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _run_step(self, step: exposures.Step) -> str:
        match step:
            case Send():
                return await self._send(step.command, step.timeout_s)
            case AskStatus():
                return await self.send_status_command(STATUS, step.timeout_s)
            case Begin():
                self._set_pending(CommandTask(step.command, self._send(step.command, step.timeout_s)))
            case Sleep():
                await asyncio.sleep(step.seconds)
        return ""

    # The functions of the module

    async def imprint_fits_header(self, header: FitsHeader) -> None:
        await self._run_alone("imprint_fits_header", exposures.imprint(header))

    async def clear_camera(self) -> None:
        await self._run_alone("clear_camera", exposures.clear(self.profile))

    async def _run_alone(self, what: str, steps: Steps[T]) -> T:
        self._check_idle(what)
        self._lock.acquire()
        self._is_taking = True
        try:
            return await self._run(steps)
        finally:
            self._is_taking = False

    async def update_camera_status(self) -> CameraStatus:
        return await self._run(self._status_steps())

    async def take_exposure(
        self,
        field: Field,
        header: FitsHeader,
        actual_expt: float = 0.0,
        *,
        wait_flag: bool = True,
        exp_mode: ExposureMode = "single",
    ) -> ExposureResult:
        """As that of `TelescopeCamera`. Cancelled, it also ends the task that waits for the reply."""
        steps = self._take_steps(field, header, actual_expt, exp_mode, wait_flag)
        try:
            return await self._run_alone("take_exposure", steps)
        except asyncio.CancelledError:
            await self._cancel_pending()
            raise
        except Exception:
            self._forget_failed()
            raise

    async def wait_exp_done(self, exposure_s: float) -> float:
        return await self._run(self._done_steps(exposure_s))

    async def wait_camera_readout(self) -> ExposureResult | None:
        """As that of `TelescopeCamera`. Cancelled, it leaves the exposure pending."""
        return await self._run(self._readout_steps())
