"""A real INDI server with its simulators of a telescope, a focuser and a filter wheel, on a free port of loopback."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.harness.far_ends.ports import accepts
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

TELESCOPE, FOCUSER, WHEEL = "Telescope Simulator", "Focuser Simulator", "Filter Simulator"
DRIVERS = {"indi_simulator_telescope": TELESCOPE, "indi_simulator_focus": FOCUSER, "indi_simulator_wheel": WHEEL}
VALUES = {
    TELESCOPE: ("EQUATORIAL_EOD_COORD", "RA"),
    FOCUSER: ("ABS_FOCUS_POSITION", "FOCUS_ABSOLUTE_POSITION"),
    WHEEL: ("FILTER_NAME", "FILTER_SLOT_NAME_1"),
}
"""Device -> a property that it has while it is connected."""


class IndiServer:
    """Its devices are connected to their simulated hardware. `set_property` and `get_property` are INDI's own programs,
    and so another client."""

    def __init__(self, folder: Path) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Again after `kill`, on the same port. Returns when the devices are connected."""
        self._folder.mkdir(parents=True, exist_ok=True)
        command = ["indiserver", "-p", str(self.port), "-u", str(self._folder / "socket"), "-r", "0", *DRIVERS]
        # The drivers store their settings in the home folder.
        environment = {**os.environ, "HOME": str(self._folder)}
        with open(self._folder / "indiserver.log", "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        eventually(lambda: accepts(self.port), (self._folder / "indiserver.log").read_text)
        for device in DRIVERS.values():
            eventually(lambda device=device: self.get_property(device, "CONNECTION", "CONNECT"), device)
            self.connect(device)

    def kill(self) -> None:
        """The server and its drivers end at once. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=PATIENCE_S)

    def freeze(self) -> None:
        """The server accepts connections and answers nothing, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def connect(self, device: str) -> None:
        self.set_property(device, "CONNECTION", "CONNECT", "On")
        eventually(lambda: self.get_property(device, *VALUES[device]), device)

    def disconnect(self, device: str) -> None:
        self.set_property(device, "CONNECTION", "DISCONNECT", "On")
        eventually(lambda: self.get_property(device, "CONNECTION", "CONNECT") == "Off", device)

    def set_property(self, device: str, name: str, element: str, value: str) -> None:
        self._run("indi_setprop", f"{device}.{name}.{element}={value}")

    def get_property(self, device: str, name: str, element: str) -> str:
        """Empty if it does not exist."""
        return self._run("indi_getprop", "-1", "-t", "5", f"{device}.{name}.{element}").strip()

    def _run(self, *command: str) -> str:
        program, *arguments = command
        line = [program, "-p", str(self.port), *arguments]
        return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S).stdout

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
