"""A station of two machines: `main`, and the camera host `dome` with a camera of its own. They have no folder in
common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.postgresql import postgresql
from tests.harness.scenarios.two_hosts import SharedDatabase
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

SCENE = {"scene": "chart", "width": 320, "height": 240}


@dataclass(frozen=True)
class SharedStation:
    """The main machine, running, and the `variables` with which another one joins it."""

    main: Station
    variables: dict[str, Any]


@contextmanager
def shared_station(folder: Path, broker: Broker, **more: str) -> Iterator[SharedStation]:
    """`folder` is that of the main machine; `more`: variables of both."""
    with postgresql() as address:
        shared = {"DATABASE_URL": address, "REDIS_URL": f"unix://{broker.socket}", **ANY_NUMBER_OF_KILLS, **more}
        main = Station(folder / "data", SharedDatabase(address), **shared)
        try:
            main.up()
            yield SharedStation(main, {"SKYCAM_HOST": "dome", **shared, **main.shared_identity})
        finally:
            main.ensure_stopped()


@contextmanager
def dome_of(station: SharedStation, folder: Path) -> Iterator[Station]:
    """The host `dome`, running, whose camera `dome` is ready."""
    dome = Station(folder / "data", **station.variables)
    try:
        dome.start(only="worker")
        added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome", "settings": SCENE}
        assert station.main.api.post("cameras/", added).status == 201
        station.main.cameras.eventually_ready("dome")
        yield dome
    finally:
        dome.ensure_stopped()


def records(station: Station, camera: str) -> bool:
    recorder = station.api.get(f"cameras/{camera}/status/").get("recorder")
    return bool(recorder and recorder["state"] == "recording" and recorder["frames"] > 5)


def record_experiment(station: Station) -> str:
    """The id of a completed experiment over a camera of each host."""
    station.api.call("PATCH", "cameras/simulated/settings/", SCENE)
    body = {"name": "Both", "cameras": ["simulated", "dome"], "pre_roll_s": 0, "post_roll_s": 0}
    experiment = station.api.post("experiments/", body).body["id"]
    station.api.post(f"experiments/{experiment}/start/")
    eventually(lambda: records(station, "simulated") and records(station, "dome"), "both record")
    station.api.post(f"experiments/{experiment}/complete/")
    return str(experiment)
