"""A program in C, compiled for the test, runs a night against `skycam telescope simulate` in real time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.io import fits

from tests.harness.clients.c_client.night import Exchange, run_night
from tests.harness.far_ends.telescope_simulation import FREE_PORTS, Simulation

WORDS = 12

Start = Callable[..., Simulation]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Simulation] = []

    def begin(*options: str) -> Simulation:
        running.append(Simulation(tmp_path, *options))
        return running[-1]

    yield begin
    for simulation in running:
        simulation.process.kill()
        simulation.process.communicate()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def exposures(exchanges: list[Exchange]) -> list[str]:
    """The modes, in order."""
    return [one.command.split()[-1] for one in exchanges if one.command.startswith("expose")]


def test_a_program_in_c_runs_a_night(start: Start, tmp_path: Path, files: Path) -> None:
    simulation = start(*FREE_PORTS, "--speed", "1000", "--data", str(files), "--width", "64", "--height", "64")
    exchanges = run_night(tmp_path, *simulation.ports, exposure_s=100)
    assert [one for one in exchanges if one.reads != 1 or one.first_word != "DONE" or one.size > 1023] == []
    assert exposures(exchanges) == ["single", "first", "next", "next", "last", "single"]
    assert sum(one.command.startswith("header") for one in exchanges) == 6 * WORDS
    # The mode `last` takes no image.
    sequences = {path.name: fits.getheader(path)["SEQUENCE"] for path in files.glob("*_C3.fits")}
    assert sequences == {f"2026010100000{number}s_C3.fits": number + 1 for number in (0, 1, 2, 3, 5)}
    *reports, summary = simulation.end(signal.SIGINT)
    assert summary == {"commands": 6 * (WORDS + 1) + 1, "images": 5, "files": 20}
    assert [report["command"] for report in reports if report["port"] == "command"] == [
        one.command for one in exchanges if one.port == "command"
    ]


def test_the_comment_of_the_c_program_is_in_the_file_though_it_is_not_quoted_as_it_should(
    start: Start, tmp_path: Path, files: Path
) -> None:
    simulation = start(*FREE_PORTS, "--speed", "1000", "--data", str(files), "--width", "64", "--height", "64")
    run_night(tmp_path, *simulation.ports, exposure_s=100)
    assert list(fits.getheader(files / "20260101000000s_C0.fits")["COMMENT"]) == ["no comment"]


def test_a_strict_controller_stops_the_night_of_the_c_program_at_its_comment(start: Start, tmp_path: Path) -> None:
    simulation = start(*FREE_PORTS, "--speed", "1000", "--strict")
    with pytest.raises(AssertionError, match=r"no DONE: header comment 'no comment' -> ERROR incorrect args"):
        run_night(tmp_path, *simulation.ports, exposure_s=100)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_ports_are_free_at_once_when_the_process_has_ended(start: Start, tmp_path: Path, number: int) -> None:
    first = start(*FREE_PORTS, "--speed", "1000")
    run_night(tmp_path, *first.ports, exposure_s=100)
    first.end(number)
    command_port, status_port = first.ports
    again = start("--command-port", str(command_port), "--status-port", str(status_port), "--speed", "1000")
    assert len(run_night(tmp_path, *again.ports, exposure_s=100)) > 6 * WORDS
