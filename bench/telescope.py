"""A telescope's camera against `skycam telescope simulate`: what an exposure and a status cost beyond the controller's
own times; and the planner of its nights."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

from bench.figures import Table, Times, timed
from bench.runs import Runs
from cameras.drivers.base import ExposureRequest, SystemClock
from scheduler.telescope.driver.controller import TelescopeCamera
from scheduler.telescope.driver.driver import TelescopeDriver
from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import COMMAND_DELAY_S, STATUS, expose_command, header_command
from scheduler.telescope.night.field_file import parse_field_file
from scheduler.telescope.night.night_plan import plan_night
from scheduler.telescope.night.sky import TelescopeSite

OVERHEAD_LIMIT, STATUS_LIMIT, YEAR_LIMIT = "100 ms", "5 ms", "60 s"
EXPOSURE_S = 0.2
READOUT_S, FETCH_S = 0.1, 0.1
"""Of the simulated controller; a real one needs 8.5 and 3.3."""
PAUSE_S = COMMAND_DELAY_S + 0.01
"""Between two statuses, so that the delay that the C code keeps is not in their time."""
FIELDS, NIGHTS = 500, 365
FIRST_EVENING = date(2026, 1, 1)


def run(runs: Runs) -> list[Table]:
    return [exposures(runs), nights(runs)]


def exposures(runs: Runs) -> Table:
    found = Table("A telescope's camera on loopback: what Skycam adds to its controller")
    with controller(runs.folder) as (command_port, status_port):
        bare = timed(lambda: bare_exposure(command_port), runs.times(15), warm_up=1)
        bare_status = timed(lambda: ask(status_port, STATUS), runs.times(200), pause_s=PAUSE_S)
        camera = TelescopeCamera("127.0.0.1", "2025", command_port=command_port, status_port=status_port)
        with closing(camera):
            field = Field(expt=EXPOSURE_S / 3600, shutter=SKY_CODE)
            by_program = beyond(lambda: camera.take_exposure(field, FitsHeader.initial()), bare, runs.times(15))
            status = timed(camera.update_camera_status, runs.times(200), pause_s=PAUSE_S)
        driver = TelescopeDriver(f"127.0.0.1:{command_port},{status_port}?profile=2025", SystemClock())
        driver.open(time.monotonic() + 10)
        with closing(driver):
            by_driver = beyond(lambda: expose(driver), bare, runs.times(15))
    note = f"beyond the same commands by bare sockets, {bare}"
    found.add("One exposure of `scheduler_camera`", str(by_program), OVERHEAD_LIMIT, note)
    found.add("One exposure and its fetch by the driver", str(by_driver), OVERHEAD_LIMIT, note)
    found.add("One status", str(status), STATUS_LIMIT, f"{status.median / bare_status.median:.2f} of a bare socket")
    return found


def beyond(exposure: Callable[[], object], bare: Times, times: int) -> Times:
    return Times(tuple(ms - bare.median for ms in timed(exposure, times, warm_up=1).ms))


def bare_exposure(port: int) -> None:
    """The same commands by bare sockets, with the delay that the C code keeps after each."""
    words = [header_command(keyword, value) for keyword, value in FitsHeader.initial()]
    for command in (*words, expose_command(True, EXPOSURE_S, "bare", "single")):
        ask(port, command)
        time.sleep(COMMAND_DELAY_S)


def expose(driver: TelescopeDriver) -> None:
    deadline = time.monotonic() + 60
    exposure = driver.expose(ExposureRequest(exposure_us=round(EXPOSURE_S * 1e6)), deadline)
    assert exposure.fetch is not None
    exposure.fetch(deadline)


def ask(port: int, command: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{command}\n".encode())
        while connection.recv(4096):
            pass


@contextmanager
def controller(folder: Path) -> Iterator[tuple[int, int]]:
    """The ports of a simulated controller, in a process of its own."""
    command = [str(Path(sys.executable).parent / "skycam"), "--output", "json", "telescope", "simulate"]
    options = ["--command-port", "0", "--status-port", "0"]
    times = ["--readout", str(READOUT_S), "--fetch", str(FETCH_S)]
    with subprocess.Popen([*command, *options, *times], stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        begin = json.loads(process.stdout.readline())
        # What it prints for each command must not fill the pipe.
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        yield begin["command_port"], begin["status_port"]
        process.send_signal(signal.SIGTERM)
        reader.join()


def nights(runs: Runs) -> Table:
    found = Table(f"The planner of a telescope's nights: {FIELDS} fields")
    parsed = parse_field_file("\n".join(field_line(number) for number in range(FIELDS)))
    assert parsed.errors == ()
    count = runs.times(NIGHTS)
    began = time.perf_counter()
    made = [
        len(plan_night(parsed.fields, TelescopeSite(), FIRST_EVENING + timedelta(days=day)).observations)
        for day in range(count)
    ]
    seconds = time.perf_counter() - began
    limit = YEAR_LIMIT if count == NIGHTS else ""
    found.add(f"{count} nights", f"{seconds:.1f} s", limit, f"{sum(made)} observations")
    return found


def field_line(number: int) -> str:
    """All over the southern sky, with pairs of observations an hour apart."""
    ra_h, dec = (number * 0.618034 * 24) % 24, -75 + (number * 7) % 90
    return f"{ra_h:.4f} {dec} Y 60 3600 2 {number % 4}"
