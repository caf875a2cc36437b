"""An HTTP weather station on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import Sample, SensorError
from monitoring.sensors.drivers.http import unix_time
from monitoring.sensors.settings import checked_settings
from tests.harness.far_ends.weather_station import Request, WeatherStation, bytes_answer, json_answer
from tests.harness.waiting import PATIENCE_S
from tests.monitoring.sensors.far_ends import DEADLINE_S, SHORT_S, driver_of

DOCUMENT = {"outside": {"temp": 23.5, "hum": "40"}, "wind": [3.5, 7], "time": 1_700_000_000}
VALUES = "outside.temp=temperature:Roof, outside.hum=humidity, wind.0=wind"


@pytest.fixture
def station() -> Iterator[WeatherStation]:
    with WeatherStation(DOCUMENT) as station:
        yield station


def read(station: WeatherStation, deadline_s: float = DEADLINE_S, **settings: Any) -> list[Sample]:
    return driver_of("http", {"url": station.url, "values": VALUES, **settings}).read(deadline_s)


def test_each_path_is_a_channel(station: WeatherStation) -> None:
    assert read(station) == [
        Sample("outside.temp", "temperature", 23.5, "Roof"),
        Sample("outside.hum", "humidity", 40.0),
        Sample("wind.0", "wind", 3.5),
    ]


def test_headers_and_the_query_are_sent(station: WeatherStation) -> None:
    read(station, headers='{"X-Key": "abc"}', query="appid=secret&units=metric")
    [(path, headers)] = station.requests
    assert (path, headers["X-Key"]) == ("/now?appid=secret&units=metric", "abc")


def test_a_value_that_is_missing_is_left_out(station: WeatherStation) -> None:
    station.answer = json_answer({"outside": {"temp": 1.5, "hum": None}})
    assert [sample.channel for sample in read(station)] == ["outside.temp"]


def test_the_age_of_the_values_is_known_by_their_time(station: WeatherStation) -> None:
    measured_at = time.time() - 90
    station.answer = json_answer({**DOCUMENT, "time": measured_at})
    ages = [sample.age_s for sample in read(station, time="time")]
    assert all(90 <= age <= time.time() - measured_at for age in ages)


def test_a_time_before_1970_is_an_error(station: WeatherStation) -> None:
    station.answer = json_answer({**DOCUMENT, "time": -1e300})
    with pytest.raises(SensorError, match=r"has no time at time\. Set `time`"):
        read(station, time="time")


def test_a_time_that_is_missing_is_an_error(station: WeatherStation) -> None:
    with pytest.raises(SensorError, match=r"has no time at when\. Set `time`"):
        read(station, time="when")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_700_000_000, 1_700_000_000.0),
        ("1700000000.5", 1_700_000_000.5),
        (1_700_000_000_000, 1_700_000_000.0),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()),
        ("2026-01-02T04:04:05+01:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()),
        ("yesterday", None),
        (None, None),
        ([], None),
        (True, None),
    ],
)
def test_a_time_is_iso_8601_or_unix(given: Any, expected: float | None) -> None:
    assert unix_time(given) == expected


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (json_answer(DOCUMENT, 500), "answered with the status 500"),
        (bytes_answer(b"", 302, Location="http://192.0.2.1/"), "answered with the status 302"),
        (bytes_answer(b"1" * 300_000), "is longer than 256 kB"),
        (bytes_answer(b"<html>"), "is no JSON"),
        (bytes_answer(b"[" * 60_000), "is no JSON"),
        (json_answer({"outside": [], "wind": "strong"}), "has a number at none of the paths"),
        (json_answer([1]), "has a number at none of the paths"),
    ],
    ids=["an error", "a redirect", "long", "html", "nested", "no numbers", "a list"],
)
def test_an_answer_without_values_is_an_error(station: WeatherStation, answer: Any, message: str) -> None:
    station.answer = answer
    with pytest.raises(SensorError, match=message):
        read(station)


def test_an_answer_that_comes_byte_by_byte_ends_at_the_deadline(station: WeatherStation) -> None:
    def drip(request: Request) -> None:
        request.connection.settimeout(PATIENCE_S)
        request.connection.recv(1)

    station.answer = drip
    with pytest.raises(SensorError, match=f"has not answered within {SHORT_S} s"):
        read(station, deadline_s=SHORT_S)


def test_no_error_shows_a_secret(station: WeatherStation) -> None:
    station.answer = json_answer({}, 401)
    with pytest.raises(SensorError) as caught:
        read(station, headers='{"X-Key": "secret-header"}', query="appid=secret-query")
    assert "secret" not in str(caught.value)


def test_the_guard_of_outgoing_connections_is_asked(station: WeatherStation) -> None:
    settings = {"url": station.url, "values": VALUES}
    with pytest.raises(SensorError, match="leads to a port of the station itself"):
        driver_of("http", settings, OutgoingGuard(own_ports=[station.port])).read(DEADLINE_S)
    assert station.requests == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("url", "ftp://weather/"),
        ("url", "http://"),
        ("url", "http://weather:0/"),
        ("url", "http://[weather/"),
        ("url", "http://user:password@weather/"),
        ("url", "http://weather/a b"),
        ("query", "a b"),
        ("headers", "X-Key: abc"),
        ("headers", '{"X-Key": 1}'),
        ("headers", '{"X-Key": "a\\r\\nHost: b"}'),
        ("headers", '{"Host": "other"}'),
        ("headers", '["X-Key"]'),
        ("values", "outside.temp"),
        ("values", "outside.temp=colour"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{setting} is not valid"):
        checked_settings("http", {"url": "http://weather/", "values": VALUES, setting: value})
