"""The service when its camera is not connected. A simulated camera never replaces a PixeLink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.clients.service_samples import HEALTH, missing_keys
from tests.harness.stations.service_station import Answer, ServiceStation
from tests.harness.waiting import eventually

ADD = """
from cameras.models import Camera
Camera.objects.create(slug="scope", name="Scope", kind="pixelink", host="main", enabled=False)
"""


@pytest.fixture
def disconnected(station: ServiceStation) -> Iterator[None]:
    station.web("POST", "cameras/simulated/disconnect/", {})
    eventually(lambda: not station.send_request("GET", "/health").body["camera_connected"], 40, "it is disconnected")
    yield
    station.web("POST", "cameras/simulated/connect/", {})
    eventually(lambda: station.send_request("GET", "/health").body["camera_connected"], 40, "it is connected")


@pytest.fixture
def pixelink(station: ServiceStation) -> Iterator[None]:
    """A row that no host starts, like that of an unplugged camera."""
    station.run_script(ADD)
    yield
    station.web("DELETE", "cameras/scope/")


def is_not_connected(answer: Answer) -> bool:
    return answer.status == 503 and answer.body["detail"] == "Camera not connected" and bool(answer.body["why"])


def test_captures_streams_and_changes_are_503_without_a_camera(station: ServiceStation, disconnected: None) -> None:
    assert is_not_connected(station.capture())
    assert is_not_connected(station.send_request("PUT", "/settings", {"gain": 2}))
    assert is_not_connected(station.send_request("GET", "/video/feed"))


def test_the_settings_are_shown_without_a_camera(station: ServiceStation, disconnected: None) -> None:
    answer = station.send_request("GET", "/settings")
    assert answer.status == 200
    assert answer.body["connected"] is False
    assert answer.body["exposure"] > 0


def test_the_service_is_healthy_without_a_camera(station: ServiceStation, disconnected: None) -> None:
    answer = station.send_request("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert missing_keys(answer.body, HEALTH) == []


def test_a_capture_without_a_camera_is_recorded_as_failed(station: ServiceStation, disconnected: None) -> None:
    station.capture(exposure=1234)
    sql = "SELECT status, reason FROM captures_capture WHERE requested_by = 'service' ORDER BY planned_at DESC LIMIT 1"
    eventually(lambda: station.rows(sql) == [("failed", "camera_unreachable")], 40)


def test_a_missing_pixelink_is_never_replaced_by_the_simulated_camera(station: ServiceStation, pixelink: None) -> None:
    answers = [station.capture(), station.send_request("GET", "/settings"), station.send_request("GET", "/video/feed")]
    assert [is_not_connected(answer) for answer in answers] == [True, True, True]
    assert station.send_request("GET", "/health").body["camera_connected"] is False
