"""A simulated controller of a telescope's camera in real time, but many times as fast as a real one."""

from __future__ import annotations

import threading

from scheduler.telescope.driver.clock import SystemClock
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.simulator import CommandReport, ControllerSimulator
from tests.harness.waiting import PATIENCE_S


class FastController:
    """A simulated controller on a thread, with the commands that it got."""

    def __init__(self, is_closing: bool = True, speed: float = 100) -> None:
        self.reports: list[CommandReport] = []
        options = SimulatorOptions(command_port=0, status_port=0, speed=speed, is_strict=True, is_closing=is_closing)
        self.simulator = ControllerSimulator(options, SystemClock(), self.reports.append)
        self.simulator.bind()
        self._thread = threading.Thread(target=self.simulator.run, name="controller")
        self._thread.start()

    def stop(self) -> None:
        self.simulator.stop()
        self._thread.join(PATIENCE_S)
        self.simulator.close()

    @property
    def address(self) -> str:
        """For a camera of the kind `telescope`."""
        return f"127.0.0.1:{self.simulator.command_port},{self.simulator.status_port}?profile=2025"
