"""The camera as its program sees it, with threads. A program may have several, each for a controller of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from scheduler.telescope.driver import steps as exposures
from scheduler.telescope.driver.clock import SocketClock, StartThread, SystemClock, start_thread
from scheduler.telescope.driver.connection import CheckAddress, ControllerConnection, allow_address
from scheduler.telescope.driver.field import Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import (
    COMMAND_TIMEOUT_S,
    HOST,
    STATUS,
    CommandError,
    ExposureMode,
    Profile,
    ProfileName,
)
from scheduler.telescope.driver.status import CameraStatus
from scheduler.telescope.driver.steps import AskStatus, Begin, CameraState, ExposureResult, Send, Sleep, Steps

T = TypeVar("T")


class CommandThread:
    """A command that a thread sends. The pair of semaphores is its own: no post of another exposure can reach it, and
    the thread ends whether or not anyone waits for it."""

    def __init__(self, command: str, send: Callable[[], str], start: StartThread) -> None:
        self.command = command
        self._send = send
        self._may_start, self._has_ended = threading.Semaphore(0), threading.Event()
        self._reply = ""
        self._error: BaseException | None = None
        self.thread = start(self._run, f"telescope-{command.split(maxsplit=1)[0]}")

    def post_start(self) -> None:
        self._may_start.release()

    def _run(self) -> None:
        self._may_start.acquire()
        try:
            self._reply = self._send()
        except BaseException as error:  # noqa: BLE001 - the program gets it from `result`
            self._error = error
        finally:
            self._has_ended.set()

    @property
    def is_done(self) -> bool:
        return self._has_ended.is_set()

    def result(self) -> str:
        if self._error is not None:
            raise self._error
        return self._reply


class TelescopeCamera(CameraState[CommandThread]):
    """The functions of the scheduler's camera module. They raise ConnectionError when the controller cannot be
    reached, TimeoutError when it is too slow, CommandError when it refuses, and ValueError for a wrong argument.

    Any thread may call them; one exposure runs at a time.
    """

    def __init__(
        self,
        host: str = HOST,
        profile: ProfileName | Profile = "seed",
        *,
        command_port: int | None = None,
        status_port: int | None = None,
        clock: SocketClock | None = None,
        start: StartThread = start_thread,
        check_address: CheckAddress = allow_address,
    ) -> None:
        self._clock: SocketClock = clock or SystemClock()
        super().__init__(profile, self._clock)
        self._start, self._check_address = start, check_address
        self._changes = threading.Lock()
        """Held while the state above changes, never while a command is sent."""
        self.controller = ControllerConnection(
            host, command_port or self.profile.command_port, status_port or self.profile.status_port, self._clock,
            check_address,
        )  # fmt: skip

    # The controller

    def set_address(self, host: str, command_port: int | None = None, status_port: int | None = None) -> None:
        """Another controller. ExposurePending during an exposure; nothing is sent."""
        with self._changes:
            self._check_idle("set_address")
            before = self.controller
            before.lock.release()
            self.controller = ControllerConnection(
                host, command_port or before.command_port, status_port or before.status_port, self._clock,
                self._check_address,
            )  # fmt: skip

    def set_profile(self, profile: Profile) -> None:
        """Another version of the scheduler, with its ports. ExposurePending during an exposure; nothing is sent."""
        with self._changes:
            self._check_idle("set_profile")
            self.controller.lock.release()
            self.profile, self.status_channel_active = profile, profile.has_status_channel
            self.controller = ControllerConnection(
                self.controller.host, profile.command_port, profile.status_port, self._clock, self._check_address
            )

    def close(self) -> None:
        """Another program may have the controller. The readout of an exposure goes on in the controller."""
        with self._changes:
            self.controller.lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Commands

    def send_command(self, command: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """The reply to a command on the command port, if it is DONE."""
        with self._changes:
            self._check_idle(command)
            self.controller.lock.acquire()
        return self.controller.send(command, timeout_s)

    def send_status_command(self, command: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """The reply on the port for the status, which accepts `status` alone. It needs no ownership."""
        return self.controller.send_to_status_port(command, timeout_s)

    def start_command(self, command: str, timeout_s: float) -> CommandThread:
        """A command that a thread sends, as `take_exposure` does. `wait_camera_readout` waits for it."""
        with self._changes:
            self._check_idle(command)
            self.controller.lock.acquire()
            return self._begin(command, timeout_s)

    def _begin(self, command: str, timeout_s: float) -> CommandThread:
        pending = CommandThread(command, lambda: self.controller.send(command, timeout_s), self._start)
        self._set_pending(pending)
        pending.post_start()
        return pending

    def init_semaphores(self) -> None:
        """Allowed at any time without an exposure, and then it changes nothing: each exposure has semaphores of its
        own. ExposurePending during one, whose end would be lost."""
        with self._changes:
            self._check_idle("init_semaphores")

    def _run(self, steps: Steps[T]) -> T:
        """Do what the steps ask for. An error of a command is raised inside of them."""
        try:
            step = next(steps)
            while True:
                try:
                    reply = self._run_step(step)
                except (OSError, ValueError, CommandError) as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _run_step(self, step: exposures.Step) -> str:
        match step:
            case Send():
                return self.controller.send(step.command, step.timeout_s)
            case AskStatus():
                return self.send_status_command(STATUS, step.timeout_s)
            case Begin():
                with self._changes:
                    self._begin(step.command, step.timeout_s)
            case Sleep():
                self._clock.sleep(step.seconds)
        return ""

    # The functions of the module

    def imprint_fits_header(self, header: FitsHeader) -> None:
        """Send the header words. It ends at the first one that fails."""
        self._run_alone("imprint_fits_header", exposures.imprint(header))

    def clear_camera(self) -> None:
        self._run_alone("clear_camera", exposures.clear(self.profile))

    def _run_alone(self, what: str, steps: Steps[T]) -> T:
        with self._changes:
            self._check_idle(what)
            self.controller.lock.acquire()
            self._is_taking = True
        try:
            return self._run(steps)
        finally:
            with self._changes:
                self._is_taking = False

    def update_camera_status(self) -> CameraStatus:
        """Read the status; `cam_status` is the newest."""
        return self._run(self._status_steps())

    def take_exposure(
        self,
        field: Field,
        header: FitsHeader,
        actual_expt: float = 0.0,
        *,
        wait_flag: bool = True,
        exp_mode: ExposureMode = "single",
    ) -> ExposureResult:
        """Expose a field, for `actual_expt` hours if that is not 0. It writes the header words before.

        Without `wait_flag` it returns at the end of the exposure, during the readout; the program must call
        `wait_camera_readout` before the next exposure.
        """
        steps = self._take_steps(field, header, actual_expt, exp_mode, wait_flag)
        try:
            return self._run_alone("take_exposure", steps)
        except BaseException:
            with self._changes:
                self._forget_failed()
            raise

    def wait_exp_done(self, exposure_s: float) -> float:
        """Wait for an exposure that is being taken, in seconds; returns them."""
        return self._run(self._done_steps(exposure_s))

    def wait_camera_readout(self) -> ExposureResult | None:
        """Wait for the end of an exposure that was taken without waiting: its result with the reply; None if there is
        none. What its command has raised is raised here. BadReadout leaves it pending."""
        return self._run(self._readout_steps())
