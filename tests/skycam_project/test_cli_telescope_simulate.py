"""`skycam telescope simulate`: a process that speaks the controller's protocol."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from cameras.drivers.telescope.controller import TelescopeCamera
from cameras.drivers.telescope.field import SKY_CODE, Field
from cameras.drivers.telescope.header import FitsHeader

SKYCAM = str(Path(sys.executable).parent / "skycam")
Start = Callable[..., "Simulation"]


class Simulation:
    def __init__(self, folder: Path, *options: str) -> None:
        command = [SKYCAM, "--output", "json", "telescope", "simulate", "--command-port", "0", "--status-port", "0"]
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
        )
        self.start = self.read()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def camera(self) -> TelescopeCamera:
        return TelescopeCamera(
            "127.0.0.1", "2025", command_port=self.start["command_port"], status_port=self.start["status_port"]
        )

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, dict[str, Any]]:
        """The exit status, and what it printed last."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=20)
        return self.process.returncode, json.loads(output.splitlines()[-1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Simulation] = []

    def begin(*options: str) -> Simulation:
        running.append(Simulation(tmp_path, *options))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


def test_a_program_exposes_with_it_and_finds_its_files(start: Start, tmp_path: Path) -> None:
    simulation = start("--speed", "50", "--data", str(tmp_path), "--width", "64", "--height", "64")
    with simulation.camera() as camera:
        header = FitsHeader(words=[("tele-ra", "3.2500"), ("tele-dec", "-29.0000")])
        result = camera.take_exposure(Field(expt=0.5 / 3600, shutter=SKY_CODE), header)
    files = sorted(tmp_path.glob(f"{result.filename}_*.fits"))
    assert len(files) == 4
    with fits.open(files[0]) as opened:
        assert (len(opened), opened[0].header["TELE-RA"], opened[0].header["IMAGETYP"]) == (5, 3.25, "sky")
    assert simulation.end() == (0, {"commands": 7, "images": 1, "files": 4})


def test_it_prints_each_command(start: Start) -> None:
    simulation = start("--speed", "100")
    with simulation.camera() as camera:
        camera.send_command("open_shutter")
    printed = simulation.read()
    assert (printed["port"], printed["command"], printed["reply"]) == ("command", "open_shutter", "DONE")
    assert simulation.end(signal.SIGTERM)[0] == 0


def test_faults_of_the_command_line_strike(start: Start) -> None:
    simulation = start("--fault", "error:1")
    with simulation.camera() as camera, pytest.raises(Exception, match="refused 'open_shutter'"):
        camera.send_command("open_shutter")


def test_a_port_that_is_in_use_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            [SKYCAM, "telescope", "simulate", "--command-port", port, "--status-port", "0"],
            capture_output=True, text=True, timeout=30, cwd=tmp_path,
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot listen on 127.0.0.1" in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--speed", "0"], "--speed is 0"),
        (["--fault", "fire"], "'fire' is no fault"),
        (["--data", "/no/such/folder"], "cannot be used"),
        (["--ra", "25"], "--ra is 25"),
    ],
)
def test_a_wrong_option_is_a_usage_error(tmp_path: Path, options: list[str], sentence: str) -> None:
    done = subprocess.run(
        [SKYCAM, "telescope", "simulate", *options], capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    assert (done.returncode, sentence in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
