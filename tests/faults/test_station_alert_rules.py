"""Alert rules of a real station: a reading beyond a threshold opens an alert within seconds, also when the database is
locked meanwhile or the sensors part is killed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.harness.busy_machine import slowness
from tests.harness.kills.faults import kill, stopped
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

COLD, HOT = 10.0, 40.0
TOLD_S = 2.0
"""From the reading to the alert."""


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


def is_hot(station: Station) -> bool:
    question = "monitoring_reading WHERE value = ? AND at_ms > (SELECT max(at_ms) - 3000 FROM monitoring_reading)"
    return station.database.count(question, HOT) > 0


@pytest.fixture
def hot(station: Station) -> Iterator[str]:
    """The key of the alert of a rule on the sensor."""
    warm(station, COLD)
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


def first_hot_reading_s(station: Station) -> float:
    last_cold = "(SELECT max(at_ms) FROM monitoring_reading WHERE value = ?)"
    question = f"SELECT min(at_ms) FROM monitoring_reading WHERE value = ? AND at_ms > {last_cold}"
    [(at_ms,)] = station.database.rows(question, HOT, COLD)
    return float(at_ms) / 1000


def test_an_alert_opens_within_two_seconds_of_the_reading_and_closes(station: Station, hot: str) -> None:
    warm(station, HOT)
    opened = eventually_alert(station, hot, "open")
    took_s = datetime.fromisoformat(opened["opened"]).timestamp() - first_hot_reading_s(station)
    assert took_s < TOLD_S * slowness()
    assert opened["message"] == "balcony:temperature is 40 °C, above 30 °C."
    warm(station, COLD)
    assert eventually_alert(station, hot, "resolved")["id"] == opened["id"]


def test_an_alert_that_is_due_while_the_database_is_locked_opens_when_it_is_back(station: Station, hot: str) -> None:
    station.api.ask("PATCH", "alert-rules/hot/", {"for_s": 6})
    before = station.database.count("monitoring_alert")
    warm(station, HOT)
    eventually(lambda: is_hot(station), what="a hot reading")
    with station.database.locked():
        journal = station.data / "readings"
        eventually(lambda: list(journal.glob("*")), what="readings wait in the journal")
        assert station.database.count("monitoring_alert") == before
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
    pid = station.pids()["sensors"]
    kill(station, "sensors")
    eventually(lambda: station.pids()["sensors"] not in {pid, None}, what="a new sensors part")
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
    eventually(lambda: is_hot(station), what="a hot reading")
    # Evaluated after the hot reading, with the same signals.
    control = {"name": "control", "kind": "reading_above", "subject": "balcony:humidity", "threshold": 10}
    station.api.ask("POST", "alert-rules/", control)
    eventually_alert(station, "rule:control:balcony:humidity", "open")
    assert alert(station, hot, "open") is None
    station.api.ask("POST", f"maintenance-windows/{window['id']}/end/")
    eventually_alert(station, hot, "open")
