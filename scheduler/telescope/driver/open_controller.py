"""The connection of a driver to a controller, from the open of its camera to the close."""

from __future__ import annotations

import contextlib

from cameras.drivers.base import Clock, remaining
from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.connection import CheckAddress, CommandPort, ControllerLock
from scheduler.telescope.driver.options import ControllerAddress
from scheduler.telescope.driver.protocol import (
    COMMAND_TIMEOUT_S,
    MARGIN_S,
    POLL_S,
    STATUS,
    TRANSFER_S,
    CommandError,
    check_reply,
    fetch_command,
)
from scheduler.telescope.driver.running_exposure import AbortableClock, RunningExposure
from scheduler.telescope.driver.status import CameraStatus, ControllerState, parse_status

BUSY = (
    ControllerState.EXPOSING, ControllerState.READOUT_PENDING, ControllerState.READING, ControllerState.FETCHING,
    ControllerState.FLUSHING, ControllerState.ERASING, ControllerState.PURGING,
)  # fmt: skip


class OpenController:
    """Its ports, and the lock by which it is this program's. `aborts` ends the waits of an exposure."""

    def __init__(
        self, address: ControllerAddress, clock: Clock, sockets: SocketClock, check_address: CheckAddress
    ) -> None:
        """ControllerHeld, when another program has it; OSError for a host without an address."""
        host, self.profile = address.host.strip("[]"), address.profile
        self._clock, self._sockets = clock, sockets
        self._lock = ControllerLock(host, address.command_port)
        self._lock.acquire()
        self.aborts = AbortableClock(sockets)
        self.commands = CommandPort(host, address.command_port, self.aborts, check_address)
        self.fetches = CommandPort(host, address.command_port, sockets, check_address)
        self._statuses = CommandPort(host, address.status_port, self.aborts, check_address)
        # Unlike the others not ended by the abort of an exposure.
        port = address.status_port if self.profile.has_status_channel else address.command_port
        self._checks = CommandPort(host, port, sockets, check_address)
        self._may_be_busy = True
        """Whether the controller may still do what another program, or this one before it was closed, has begun."""

    def close(self) -> None:
        self._lock.release()
        self.aborts.close()

    def send(self, command: str, timeout_s: float) -> str:
        return check_reply(command, self.commands.send(command, timeout_s))

    def read_status(self, deadline: float) -> CameraStatus:
        port = self._statuses if self.profile.has_status_channel else self.commands
        return parse_status(self._ask_status(port, deadline), self._sockets.wall_ns() / 1e9)

    def check_alive(self, deadline: float) -> None:
        self._ask_status(self._checks, deadline)

    def _ask_status(self, port: CommandPort, deadline: float) -> str:
        timeout_s = min(COMMAND_TIMEOUT_S, max(0.1, deadline - self._clock.monotonic()))
        return check_reply(STATUS, port.send(STATUS, timeout_s))

    def wait_until_free(self, deadline: float) -> None:
        """Until the controller has done what was begun before it was opened here."""
        if not self._may_be_busy:
            return
        status = self.read_status(deadline)
        while any(status.has(state) for state in BUSY):
            remaining(self._clock, deadline)
            self.aborts.sleep(POLL_S)
            status = self.read_status(deadline)
        if status.has(ControllerState.FETCH_PENDING):
            # Of an exposure whose program has ended. It must not come in the place of the next image.
            self.commands.send(fetch_command("left"), TRANSFER_S + MARGIN_S)
        self._may_be_busy = False

    def wait_for_end(self, running: RunningExposure, exposure_s: float) -> None:
        """Until the shutter is closed. An error of the command ends the wait."""
        clock = self.aborts
        end = clock.monotonic() + exposure_s
        while (left_s := end - clock.monotonic()) > 0:
            running.check(clock, min(left_s, POLL_S))
        if not self.profile.has_status_channel:
            return
        latest = clock.monotonic() + exposure_s + MARGIN_S
        while not running.is_done and clock.monotonic() < latest:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError):
                if self.read_status(latest).has(ControllerState.EXPOSING) is False:
                    return
            running.check(clock, POLL_S)
