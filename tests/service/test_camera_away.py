"""The service when its camera is not connected. A simulated camera never replaces a PixeLink."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.clients.service_samples import HEALTH, missing_keys
from tests.harness.stations.http_client import Answer
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

ADD = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()
from cameras.models import Camera
Camera.objects.create(slug="scope", name="Scope", kind="pixelink", host="main", enabled=False)
"""


@pytest.fixture
def disconnected(station: Station) -> Iterator[None]:
    station.api.call("POST", "cameras/simulated/disconnect/", {})
    eventually(lambda: not station.service.is_connected(), "it is disconnected")
    yield
    station.api.call("POST", "cameras/simulated/connect/", {})
    eventually(lambda: station.service.is_connected(), "it is connected")


@pytest.fixture
def pixelink(station: Station) -> Iterator[None]:
    """A row that no host starts, like that of an unplugged camera."""
    station.run("-c", ADD)
    yield
    station.api.call("DELETE", "cameras/scope/")


def is_not_connected(answer: Answer) -> bool:
    return answer.status == 503 and answer.body["detail"] == "Camera not connected" and bool(answer.body["why"])


def test_captures_streams_and_changes_are_503_without_a_camera(station: Station, disconnected: None) -> None:
    assert is_not_connected(station.service.capture())
    assert is_not_connected(station.service.request("PUT", "/settings", {"gain": 2}))
    assert is_not_connected(station.service.request("GET", "/video/feed"))


def test_the_settings_are_shown_without_a_camera(station: Station, disconnected: None) -> None:
    answer = station.service.request("GET", "/settings")
    assert answer.status == 200
    assert answer.body["connected"] is False
    assert answer.body["exposure"] > 0


def test_the_service_is_healthy_without_a_camera(station: Station, disconnected: None) -> None:
    answer = station.service.request("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert missing_keys(answer.body, HEALTH) == []


def test_a_capture_without_a_camera_is_recorded_as_failed(station: Station, disconnected: None) -> None:
    sql = "SELECT id FROM captures_capture WHERE requested_by = 'service'"
    [(capture,)] = station.database.rows_after(lambda: station.service.capture(exposure=1234), sql)
    eventually(lambda: station.database.status_of(capture) == ("failed", "camera_unreachable"))


def test_a_missing_pixelink_is_never_replaced_by_the_simulated_camera(station: Station, pixelink: None) -> None:
    answers = [
        station.service.capture(),
        station.service.request("GET", "/settings"),
        station.service.request("GET", "/video/feed"),
    ]
    assert [is_not_connected(answer) for answer in answers] == [True, True, True]
    assert station.service.is_connected() is False
