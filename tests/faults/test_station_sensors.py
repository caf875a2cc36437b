"""Sensors of a running station: a real 1-Wire bus, hung and unplugged devices, kills, a locked database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import psutil
import pytest

from tests.harness.far_ends.ds9097 import Ds9097
from tests.harness.kills.faults import kill
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

INTERVAL_S = 0.2
OUTAGE_READINGS = 60
PAUSE_MS = 5000
"""Of a busy machine. The hang and the outage last longer."""
HANGS_S = 60.0
"""Two deadlines of digitemp, the interval and the start of a process, on a busy machine."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("sensors") / "data")
    try:
        station.up().cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


@pytest.fixture
def bus() -> Iterator[Ds9097]:
    with Ds9097(21.5, 4.25) as bus:
        yield bus


@pytest.fixture
def thermometers(station: Station, bus: Ds9097) -> Iterator[str]:
    """The path of a sensor that reads the bus."""
    body = {"name": "mirror", "kind": "digitemp", "interval_s": 2.0, "settings": {"port": bus.port}}
    station.api.ask("POST", "sensors/", body)
    yield "sensors/mirror/"
    station.api.ask("DELETE", "sensors/mirror/")


@pytest.fixture
def weather(station: Station) -> Iterator[str]:
    """The path of a simulated sensor that is read several times a second."""
    station.api.ask("POST", "sensors/", {"name": "weather", "kind": "simulated", "interval_s": INTERVAL_S})
    eventually(lambda: values(station, "sensors/weather/"), what="the first values")
    yield "sensors/weather/"
    station.api.ask("DELETE", "sensors/weather/")


def values(station: Station, sensor: str) -> dict[str, float]:
    """Channel -> its newest good value."""
    channels = station.api.get(sensor)["channels"]
    return {one["key"]: one["value"] for one in channels if one["quality"] == "ok"}


def qualities(station: Station, sensor: str) -> set[str]:
    return {one["quality"] for one in station.api.get(sensor)["channels"]}


def readings(station: Station) -> list[int]:
    """The times of the temperatures of the simulated sensor, in ms."""
    question = (
        "SELECT at_ms FROM monitoring_reading JOIN monitoring_sensorchannel AS channel ON channel.id = channel_id "
        "WHERE key = 'temperature' AND value IS NOT NULL ORDER BY at_ms"
    )
    return [at_ms for (at_ms,) in station.database.rows(question)]


def kinds_of_events(station: Station, sensor: str) -> list[str]:
    question = "SELECT kind, data FROM monitoring_event WHERE kind LIKE 'sensor.%' ORDER BY at, id"
    return [kind for kind, data in station.database.rows(question) if json.loads(data).get("sensor") == sensor]


def test_a_bus_of_thermometers_is_read_by_the_real_digitemp(station: Station, bus: Ds9097, thermometers: str) -> None:
    first, second = bus.roms
    eventually(lambda: values(station, thermometers) == {first: 21.5, second: 4.25})
    bus.set_temperature(31.25)
    eventually(lambda: values(station, thermometers)[first] == 31.25)


def test_an_unplugged_bus_is_missing_and_says_so(station: Station, bus: Ds9097, thermometers: str) -> None:
    eventually(lambda: len(values(station, thermometers)) == 2)
    bus.close()
    eventually(lambda: qualities(station, thermometers) == {"missing"})
    state = station.api.get(thermometers)
    assert (state["state"], {one["value"] for one in state["channels"]}) == ("error", {None})
    assert "does not exist" in state["message"]
    eventually(lambda: "sensor.missing" in kinds_of_events(station, "mirror"))


def test_a_hung_bus_disturbs_no_other_sensor_and_no_camera(
    station: Station, bus: Ds9097, thermometers: str, weather: str
) -> None:
    eventually(lambda: len(values(station, thermometers)) == 2)
    bus.go_silent()
    eventually(lambda: qualities(station, thermometers) == {"missing"})
    times = readings(station)[-20:]
    assert max(after - before for before, after in pairwise(times)) < PAUSE_MS
    assert station.api.get("cameras/simulated/status/")["observed"] == "ready"


def test_a_killed_part_reads_its_sensors_again_and_leaves_no_process(station: Station, weather: str) -> None:
    before = [child for child in station.processes() if "monitoring.sensors.child" in " ".join(cmdline(child))]
    kill(station, "sensors")
    last = readings(station)[-1]
    eventually(lambda: readings(station)[-1] > last)
    assert [child for child in before if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_readings_of_an_outage_of_the_database_are_written_after_it(station: Station, weather: str) -> None:
    with station.database.locked():
        began_ms = time.time() * 1000
        eventually(lambda: len(journal(station)) >= OUTAGE_READINGS, what="readings in the journal")
        ended_ms = time.time() * 1000
    eventually(lambda: readings(station)[-1] > ended_ms + 1000)
    meanwhile = [at_ms for at_ms in readings(station) if began_ms < at_ms < ended_ms]
    assert max(after - before for before, after in pairwise(meanwhile)) < PAUSE_MS


def test_a_part_that_is_killed_during_an_outage_knows_its_sensors_and_loses_nothing_of_the_journal(
    station: Station, weather: str
) -> None:
    with station.database.locked():
        waiting = eventually(lambda: journal(station), what="readings in the journal")
        kill(station, "sensors")
        eventually(lambda: journal(station)[-1] > waiting[-1], what="readings of the next process")
    eventually(lambda: set(waiting) <= set(all_times(station)))


def journal(station: Station) -> list[int]:
    """The times of the readings in the journal, without the last one, which may not be whole yet."""
    segments = sorted((station.data / "readings").glob("*.jsonl"))
    lines = [line for segment in segments for line in segment.read_text().splitlines()[:-1]]
    return [json.loads(line)[5] for line in lines]


def all_times(station: Station) -> list[Any]:
    return [at_ms for (at_ms,) in station.database.rows("SELECT at_ms FROM monitoring_reading")]
