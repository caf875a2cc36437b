"""The port of metrics of a running station: taken by another program, or switched off."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.stations.http_client import AWAY, HttpClient
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

ALERT = "metrics.port:main"


@pytest.fixture
def new_station(tmp_path: Path) -> Iterator[Callable[..., Station]]:
    stations: list[Station] = []

    def make(**variables: str) -> Station:
        stations.append(Station(tmp_path / "data", **variables))
        return stations[-1]

    yield make
    for station in stations:
        station.ensure_stopped()


def open_alerts(station: Station) -> list[Any]:
    found = station.api.get("alerts/")["results"]
    return [alert for alert in found if alert["key"] == ALERT and alert["state"] == "open"]


def test_a_station_whose_port_of_metrics_is_taken_works_and_says_so(new_station: Callable[..., Station]) -> None:
    station = new_station()
    with socket.create_server(("127.0.0.1", station.metrics_port)):
        station.up_with_camera()
        [alert] = eventually(lambda: open_alerts(station), "the alert")
        assert f"port {station.metrics_port}: [Errno 98]" in alert["message"]
        assert station.cameras.saved_capture()["status"] == "saved"
    eventually(lambda: open_alerts(station) == [], "the end of the alert")
    assert "skycam_build_info" in HttpClient(station.metrics_port).request("GET", "/metrics").body


@pytest.mark.prove
def test_a_station_that_serves_no_metrics_opens_no_port(new_station: Callable[..., Station]) -> None:
    station = new_station(SKYCAM_MONITORING__PROMETHEUS__ENABLED="false").up_with_camera()
    with pytest.raises(AWAY):
        HttpClient(station.metrics_port).request("GET", "/metrics")
