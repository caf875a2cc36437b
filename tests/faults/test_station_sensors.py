"""Sensors of a running station: a real 1-Wire bus, hung and unplugged devices, kills, a locked database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.harness.far_ends.ds9097 import Ds9097
from tests.harness.kills.faults import kill
from tests.harness.processes.alive import command_of
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

INTERVAL_S = 0.2
OUTAGE_READINGS = 60
HANG_READINGS = 20


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("sensors") / "data")
    try:
        yield station.up_with_camera()
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
    eventually(lambda: values(station, "sensors/weather/"), "the first values")
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
    eventually(lambda: values(station, thermometers) == {first: 21.5, second: 4.25}, "both temperatures")
    bus.set_temperature(31.25)
    eventually(lambda: values(station, thermometers).get(first) == 31.25, "the new temperature")


def test_an_unplugged_bus_is_missing_and_says_so(station: Station, bus: Ds9097, thermometers: str) -> None:
    eventually(lambda: len(values(station, thermometers)) == 2, "both temperatures")
    bus.close()
    eventually(lambda: qualities(station, thermometers) == {"missing"}, "both are missing")
    eventually(lambda: "does not exist" in station.api.get(thermometers)["message"], "the message")
    state = station.api.get(thermometers)
    assert (state["state"], {one["value"] for one in state["channels"]}) == ("error", {None})
    eventually(lambda: "sensor.missing" in kinds_of_events(station, "mirror"), "the event")


def test_a_hung_bus_disturbs_no_other_sensor_and_no_camera(
    station: Station, bus: Ds9097, thermometers: str, weather: str
) -> None:
    eventually(lambda: len(values(station, thermometers)) == 2, "both temperatures")
    bus.go_silent()
    last, hung = readings(station)[-1], set[int]()

    def is_read_on() -> bool:
        hung.update(one.pid for one in station.processes() if "digitemp" in "".join(command_of(one)[:1]))
        return len([at_ms for at_ms in readings(station) if at_ms > last]) >= HANG_READINGS

    eventually(is_read_on, "readings of the other sensor")
    # A sensor that waited for the hung one would be read once for each process that hangs.
    assert len(hung) < HANG_READINGS / 2
    eventually(lambda: qualities(station, thermometers) == {"missing"}, "both are missing")
    assert station.cameras.saved_capture()["status"] == "saved"


def test_a_killed_part_reads_its_sensors_again_and_leaves_no_process(station: Station, weather: str) -> None:
    before = [child for child in station.processes() if "monitoring.sensors.child" in " ".join(command_of(child))]
    kill(station, "sensors")
    last = readings(station)[-1]
    eventually(lambda: readings(station)[-1] > last, "the next reading")
    eventually(lambda: not any(lives(child) for child in before), "the old processes have ended")


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_readings_of_an_outage_of_the_database_are_written_after_it(station: Station, weather: str) -> None:
    with station.database.locked():
        eventually(lambda: len(journal(station)) >= OUTAGE_READINGS, "readings in the journal")
        waiting = journal(station)
    eventually(lambda: set(waiting) <= set(all_times(station)), "they are in the database")


def test_a_part_that_is_killed_during_an_outage_knows_its_sensors_and_loses_nothing_of_the_journal(
    station: Station, weather: str
) -> None:
    with station.database.locked():
        waiting = eventually(lambda: journal(station), "readings in the journal")
        kill(station, "sensors")
        eventually(lambda: journal(station)[-1] > waiting[-1], "readings of the next process")
    eventually(lambda: set(waiting) <= set(all_times(station)), "they are in the database")


def journal(station: Station) -> list[int]:
    """The times of the readings in the journal, without the last one, which may not be whole yet."""
    segments = sorted((station.data / "readings").glob("*.jsonl"))
    lines = [line for segment in segments for line in segment.read_text().splitlines()[:-1]]
    return [json.loads(line)[5] for line in lines]


def all_times(station: Station) -> list[Any]:
    return [at_ms for (at_ms,) in station.database.rows("SELECT at_ms FROM monitoring_reading")]
