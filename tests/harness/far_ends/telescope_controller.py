"""The telescope's controller, simulated in a thread of a test, and a bare client for its ports."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from scheduler.telescope.simulator.controller import WriteImage
from scheduler.telescope.simulator.faults import PortName
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.simulator import CommandReport, ControllerSimulator
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.waiting import PATIENCE_S


class RunningController(ControllerSimulator):
    """Keeps the reports of all commands."""

    def __init__(self, options: SimulatorOptions, clock: SharedTime, write_image: WriteImage | None) -> None:
        self.reports: list[CommandReport] = []
        self._shared_clock = clock
        super().__init__(options, clock, self.reports.append, write_image)

    def commands(self, port: PortName = "command") -> list[CommandReport]:
        """What came on a port. It reports a command after its reply, so this waits until it does nothing more."""
        self._shared_clock.sleep(0.001)
        return [report for report in self.reports if report.port == port]


@contextmanager
def running_controller(
    clock: SharedTime, write_image: WriteImage | None = None, **options: Any
) -> Iterator[RunningController]:
    """A simulator on free ports, stopped at the end of the block."""
    ports = {"command_port": 0, "status_port": 0}
    simulator = RunningController(SimulatorOptions(**(ports | options)), clock, write_image)
    simulator.bind()
    thread = clock.start_thread(simulator.run, "controller")
    try:
        yield simulator
    finally:
        simulator.stop()
        clock.join(thread)
        simulator.close()


class WireClient:
    """One connection to a port. It sends and receives bytes as they are, and knows no reply."""

    def __init__(self, clock: SharedTime, port: int) -> None:
        self._clock = clock
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, content: str | bytes) -> Self:
        self.socket.sendall(content.encode() if isinstance(content, str) else content)
        return self

    def receive(self, within_s: float = 1000.0, most: int = 65_536) -> bytes | None:
        """What comes first; empty at the end of the connection, None if nothing comes in time."""
        if not self._clock.wait_ready([self.socket], [], within_s):
            return None
        try:
            return self.socket.recv(most)
        except ConnectionResetError:
            return b""

    def receive_all(self, within_s: float = 1000.0) -> bytes:
        """Until the end of the connection, or until nothing comes in time."""
        received = b""
        while piece := self.receive(within_s):
            received += piece
        return received


def exchange(clock: SharedTime, port: int, command: str | bytes, within_s: float = 1000.0) -> str:
    """The first piece of the reply to a command on a connection of its own."""
    with WireClient(clock, port) as client:
        return (client.send(command).receive(within_s) or b"").decode()


def states_in(reply: str) -> set[str]:
    """The states that a status reply says of all controllers."""
    return set(re.findall(r"'([A-Z_]+)': '1+'", reply))
