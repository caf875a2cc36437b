"""A Valkey that the test runs, and a station beside it, which does not restart it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from skycam_project.launch.parts import command
from tests.harness.stations.broker import answers
from tests.harness.stations.cameras import SMALL
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually


class Broker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "broker.sock"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(command(self.socket, self.folder), stdout=subprocess.DEVNULL)
        eventually(self.answers, "the broker")

    def answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            return answers(client)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def gone(self) -> Iterator[None]:
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """It answers, and refuses all writes, as on a full disk or while it is a replica."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.config_set("min-replicas-to-write", 1)
            try:
                yield
            finally:
                client.config_set("min-replicas-to-write", 0)


@contextmanager
def station_beside(broker: Broker, data: Path, **variables: str) -> Iterator[Station]:
    """A station that uses this broker, with a ready camera that makes small pictures and any number of kills."""
    station = Station(data, REDIS_URL=f"unix://{broker.socket}", **ANY_NUMBER_OF_KILLS, **variables)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", SMALL)
        yield station
    finally:
        station.ensure_stopped()
