"""A run that has started much when it is ended: `test_contain.py` runs it, and pytest does not collect it by itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.postgresql import own_server
from tests.harness.stations.station import Station, free_port
from tests.harness.waiting import eventually

READY = Path(os.environ["RUN_READY"])
"""This file is made once all runs."""


@pytest.fixture
def crashing(tmp_path: Path) -> None:
    """Starts a station and fails before anybody can stop it."""
    station = Station(tmp_path / "data").up()
    READY.write_text(f"{tmp_path} {' '.join(str(process.pid) for process in station.processes())}")
    raise RuntimeError("the fixture crashes")


def test_a_fixture_crashes(crashing: None) -> None: ...


def test_a_station_runs(tmp_path: Path) -> None:
    Station(tmp_path / "data").up()
    wait_for_the_end()


def test_servers_run(tmp_path: Path) -> None:
    """A daemon, and programs that ignore what should end them."""
    with own_server():
        subprocess.Popen(["setsid", "sh", "-c", "trap '' INT TERM HUP; sleep 600; sleep 600"])
        port = free_port()
        subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"])
        eventually(lambda: is_listening(port), "the HTTP server")
        wait_for_the_end()


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for_the_end() -> None:
    READY.touch()
    eventually(lambda: False, "somebody ends this run", takes_s=600)
