"""`skycam telescope simulate`: a process that speaks the controller's protocol."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.io import fits

from scheduler.telescope.driver.controller import TelescopeCamera
from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from tests.harness.far_ends.telescope_simulation import FREE_PORTS, Simulation
from tests.harness.stations.command_line import skycam

Start = Callable[..., Simulation]


def camera_of(simulation: Simulation) -> TelescopeCamera:
    command_port, status_port = simulation.ports
    return TelescopeCamera("127.0.0.1", "2025", command_port=command_port, status_port=status_port)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Simulation] = []

    def begin(*options: str) -> Simulation:
        running.append(Simulation(tmp_path, *FREE_PORTS, *options))
        return running[-1]

    yield begin
    for one in running:
        one.process.kill()
        one.process.communicate()


def test_a_program_exposes_with_it_and_finds_its_files(start: Start, tmp_path: Path) -> None:
    simulation = start("--speed", "50", "--data", str(tmp_path), "--width", "64", "--height", "64")
    with camera_of(simulation) as camera:
        header = FitsHeader(words=[("tele-ra", "3.2500"), ("tele-dec", "-29.0000")])
        result = camera.take_exposure(Field(expt=0.5 / 3600, shutter=SKY_CODE), header)
    files = sorted(tmp_path.glob(f"{result.filename}_*.fits"))
    assert len(files) == 4
    with fits.open(files[0]) as opened:
        assert (len(opened), opened[0].header["TELE-RA"], opened[0].header["IMAGETYP"]) == (5, 3.25, "sky")
    assert simulation.end(signal.SIGINT)[-1] == {"commands": 7, "images": 1, "files": 4}
    assert simulation.process.returncode == 0


def test_it_prints_each_command(start: Start) -> None:
    simulation = start("--speed", "100")
    with camera_of(simulation) as camera:
        camera.send_command("open_shutter")
    printed = simulation.read()
    assert (printed["port"], printed["command"], printed["reply"]) == ("command", "open_shutter", "DONE")
    simulation.end(signal.SIGTERM)
    assert simulation.process.returncode == 0


def test_faults_of_the_command_line_strike(start: Start) -> None:
    simulation = start("--fault", "error:1")
    with camera_of(simulation) as camera, pytest.raises(Exception, match="refused 'open_shutter'"):
        camera.send_command("open_shutter")


def test_a_port_that_is_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = skycam("telescope", "simulate", "--command-port", port, "--status-port", "0")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
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
def test_a_wrong_option_is_a_usage_error(
    tmp_path: Path, options: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = skycam("telescope", "simulate", *options)
    assert (done.exit_code, sentence in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
