"""A pause of the whole station, as a move of its database needs it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skycam_project.config import load_config
from skycam_project.launch import control
from skycam_project.launch.preflight import LaunchError
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

WATCHDOG_USEC = "3000000"


class Notifications:
    """What a launcher has reported to systemd, up to now."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket, self._received = bound, ""
        self._socket.setblocking(False)

    def text(self) -> str:
        while True:
            try:
                self._received += self._socket.recv(4096).decode() + "\n"
            except BlockingIOError:
                return self._received


@pytest.fixture
def notifications(tmp_path: Path) -> Iterator[Notifications]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        yield Notifications(bound)


def test_to_systemd_a_paused_station_is_alive_and_not_stopping(tmp_path: Path, notifications: Notifications) -> None:
    station = Station(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC=WATCHDOG_USEC)
    try:
        station.up()
        with control.paused(station.config):
            before = notifications.text().count("WATCHDOG=1")
            eventually(lambda: notifications.text().count("WATCHDOG=1") > before + 1, "the launcher is alive")
        control.wait_until_up(station.config)
        eventually(lambda: notifications.text().count("READY=1") == 2, "it is ready again")
        assert "STOPPING=1" not in notifications.text()
        station.stop()
        assert "STOPPING=1" in notifications.text()
    finally:
        station.ensure_stopped()


def test_a_launcher_that_knows_no_pause_is_not_believed_to_be_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    config = load_config()
    address = control.control_path(config)
    address.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as older:
        older.bind(str(address))
        older.listen()
        answering = threading.Thread(target=answer_once, args=[older])
        answering.start()
        with pytest.raises(LaunchError, match="older version"), control.paused(config):
            pytest.fail("The parts were believed to be stopped.")
        answering.join()


def answer_once(listening: socket.socket) -> None:
    client, _ = listening.accept()
    with client:
        client.makefile().readline()
        client.sendall(b'{"error": "The launcher did not understand the request."}\n')


def test_a_station_that_has_just_ended_cannot_be_paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LaunchError, match="could not be paused"), control.paused(load_config()):
        pytest.fail("There are no parts.")
