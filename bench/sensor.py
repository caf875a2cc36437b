"""A simulated sensor of a running station, whose temperature is set."""

from __future__ import annotations

from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

NAME, KEY = "balcony", "rule:hot:balcony:temperature"
COLD, HOT, THRESHOLD = 10.0, 40.0, 30.0
INTERVAL_S = 0.5
READINGS = """
    SELECT min(at_ms), max(at_ms) FROM monitoring_reading AS reading
    JOIN monitoring_sensorchannel AS channel ON channel.id = reading.channel_id
    WHERE channel.quantity = 'temperature' AND at_ms > ? AND (? IS NULL OR value = ?)
"""


def add_sensor(station: Station) -> None:
    """With a rule that opens an alert as soon as it is hot."""
    body = {"name": NAME, "kind": "simulated", "interval_s": INTERVAL_S, "settings": settings(COLD)}
    station.api.ask("POST", "sensors/", body)
    rule = {"name": "hot", "kind": "reading_above", "subject": f"{NAME}:temperature", "threshold": THRESHOLD}
    station.api.ask("POST", "alert-rules/", {**rule, "for_s": 0, "severity": "error"})
    eventually(lambda: newest_reading_s(station), "a reading")


def settings(temperature: float) -> dict[str, float]:
    return {"temperature": temperature, "amplitude": 0.0}


def set_temperature(station: Station, temperature: float) -> None:
    station.api.ask("PATCH", f"sensors/{NAME}/", {"settings": settings(temperature)})


def newest_reading_s(station: Station) -> float:
    """When it was taken, in seconds since 1970; 0 without a reading."""
    [(_, newest_ms)] = station.database.rows(READINGS, 0, None, None)
    return (newest_ms or 0) / 1000


def first_reading_s(station: Station, temperature: float, since_s: float) -> float:
    """When this temperature was first read after that time, in seconds since 1970; once it is in the database."""

    def found() -> float | None:
        [(first_ms, _)] = station.database.rows(READINGS, since_s * 1000, temperature, temperature)
        return float(first_ms) / 1000 if first_ms else None

    return float(eventually(found, f"a reading of {temperature}"))
