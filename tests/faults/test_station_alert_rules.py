"""Alert rules of a real station: a reading beyond a threshold opens an alert, also when the database is locked
meanwhile or the sensors part is killed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from core.readings.reading import JudgedReading
from tests.harness.kills.faults import kill, stopped
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

COLD, HOT = 10.0, 40.0
FOR_S = 6
"""A rule that waits for this long, while the database is locked."""
TEMPERATURES = """
    SELECT value, at_ms FROM monitoring_reading AS reading
    JOIN monitoring_sensorchannel AS channel ON channel.id = reading.channel_id
    WHERE channel.quantity = 'temperature' ORDER BY at_ms DESC LIMIT 1
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("alert-rules") / "data")
    try:
        station.up_with_camera()
        add_sensor(station)
        yield station
    finally:
        station.ensure_stopped()


def add_sensor(station: Station) -> None:
    """A simulated sensor, read each half second."""
    station.database.insert(
        "monitoring_sensor",
        {
            "id": uuid.uuid4().hex, "name": "balcony", "label": "", "kind": "simulated", "host": station.config.host,
            "enabled": 1, "interval_s": 0.5, "settings": settings_of(COLD), "secrets_encrypted": "", "revision": 1,
            "created_at": "2026-11-22 20:00:00",
        },
    )  # fmt: skip
    eventually(lambda: station.database.count("monitoring_reading WHERE value = ?", COLD), what="a reading")


def settings_of(temperature: float) -> str:
    return json.dumps({"temperature": temperature, "amplitude": 0.0, "humidity": 60.0, "fault": "none"})


def warm(station: Station, temperature: float) -> None:
    statement = "UPDATE monitoring_sensor SET settings = ?, revision = revision + 1"
    station.database.execute(statement, settings_of(temperature))


def eventually_reads(station: Station, temperature: float, after_s: float = 0.0) -> float:
    """Wait until the newest reading is this temperature; when it was read, in seconds since 1970."""

    def found() -> float | None:
        [(value, at_ms)] = station.database.rows(TEMPERATURES)
        return at_ms / 1000 if value == temperature and at_ms / 1000 > after_s else None

    return float(eventually(found, lambda: f"{temperature}: {station.database.rows(TEMPERATURES)}"))


def newest_in_journal_s(station: Station) -> float:
    """When the newest reading was taken that waits in the journal, in seconds since 1970; 0 if none waits."""
    lines = [line for file in (station.data / "readings").glob("*") for line in file.read_text().splitlines(True)]
    whole = [JudgedReading(*json.loads(line)) for line in lines if line.endswith("\n")]
    return max((reading.at_ms for reading in whole), default=0) / 1000


@pytest.fixture
def hot(station: Station) -> Iterator[str]:
    """The key of the alert of a rule on the sensor."""
    warm(station, COLD)
    eventually_reads(station, COLD)
    rule = {"name": "hot", "kind": "reading_above", "subject": "balcony:temperature", "threshold": 30, "for_s": 0}
    station.api.ask("POST", "alert-rules/", rule)
    yield "rule:hot:balcony:temperature"
    station.api.ask("DELETE", "alert-rules/hot/")


def alert(station: Station, key: str, state: str) -> dict[str, Any] | None:
    """The newest alert of that key, if it is in this state."""
    found = [one for one in station.api.get("alerts/?limit=200")["results"] if one["key"] == key]
    return found[0] if found and found[0]["state"] == state else None


def eventually_alert(station: Station, key: str, state: str) -> dict[str, Any]:
    return dict(eventually(lambda: alert(station, key, state), what=f"{key} is {state}"))


def test_an_alert_opens_when_the_reading_is_too_high_and_closes(station: Station, hot: str) -> None:
    warm(station, HOT)
    opened = eventually_alert(station, hot, "open")
    assert opened["message"] == "balcony:temperature is 40 °C, above 30 °C."
    warm(station, COLD)
    assert eventually_alert(station, hot, "resolved")["id"] == opened["id"]


def test_an_alert_that_is_due_while_the_database_is_locked_opens_when_it_is_back(station: Station, hot: str) -> None:
    station.api.ask("PATCH", "alert-rules/hot/", {"for_s": FOR_S})
    warm(station, HOT)
    hot_s = eventually_reads(station, HOT)
    with station.database.locked():
        eventually(lambda: newest_in_journal_s(station) > hot_s + FOR_S, "it is due", takes_s=FOR_S)
    assert eventually_alert(station, hot, "open")["count"] == 1


def test_after_a_kill_of_the_sensors_part_an_open_alert_closes_when_it_is_clear(station: Station, hot: str) -> None:
    warm(station, HOT)
    opened = eventually_alert(station, hot, "open")
    kill(station, "sensors")
    warm(station, COLD)
    closed = eventually_alert(station, hot, "resolved")
    assert (closed["id"], closed["count"]) == (opened["id"], 1)


def test_an_open_alert_is_not_opened_again_by_a_new_sensors_part(station: Station, hot: str) -> None:
    warm(station, HOT)
    opened = eventually_alert(station, hot, "open")
    pid = station.pid_of_running("sensors")
    kill(station, "sensors")
    next_one = psutil.Process(station.pid_of_running("sensors", other_than=pid))
    eventually_reads(station, HOT, after_s=next_one.create_time())
    warm(station, COLD)
    assert eventually_alert(station, hot, "resolved")["id"] == opened["id"]


def test_a_camera_whose_process_hangs_raises_the_alert_of_no_frame(station: Station) -> None:
    station.cameras.eventually_ready()
    station.api.ask("POST", "cameras/simulated/record/", {"kind": "manual"})
    rule = {"name": "frozen", "kind": "no_frame", "subject": "simulated", "threshold": 2, "severity": "error"}
    station.api.ask("POST", "alert-rules/", rule)
    with stopped(station.cameras.pid()):
        opened = eventually_alert(station, "rule:frozen:simulated", "open")
    assert (opened["camera"], opened["severity"]) == ("simulated", "error")
    assert eventually_alert(station, "rule:frozen:simulated", "resolved")["id"] == opened["id"]
    station.api.ask("DELETE", "alert-rules/frozen/")
    station.api.ask("POST", "cameras/simulated/stop-recording/", {})


def test_in_a_maintenance_window_no_alert_opens(station: Station, hot: str) -> None:
    window = station.api.ask("POST", "maintenance-windows/", {"subject": "balcony:temperature", "duration_s": 3600})
    warm(station, HOT)
    eventually_reads(station, HOT)
    # Evaluated after the hot reading, with the same signals.
    control = {"name": "control", "kind": "reading_above", "subject": "balcony:humidity", "threshold": 10}
    station.api.ask("POST", "alert-rules/", control)
    eventually_alert(station, "rule:control:balcony:humidity", "open")
    assert alert(station, hot, "open") is None
    station.api.ask("POST", f"maintenance-windows/{window['id']}/end/")
    eventually_alert(station, hot, "open")
