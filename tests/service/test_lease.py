"""The service does not control a camera that an operator holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.stations.command_line import run
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

WHILE_HELD_US = 5432


@pytest.fixture
def held(station: Station) -> Iterator[str]:
    """Since when."""
    yield station.api.call("POST", "cameras/simulated/take/", {"for_s": 600}).body["since"]
    station.api.call("POST", "cameras/simulated/release/", {})


def names_the_holder(detail: str) -> bool:
    return detail.startswith("simulated is held by admin since ")


def test_the_error_names_the_holder_of_the_camera(station: Station, held: str) -> None:
    capture = station.service.capture(exposure=WHILE_HELD_US)
    settings = station.service.request("PUT", "/settings", {"gain": 2})
    assert capture.status == 503
    assert settings.status == 503
    assert names_the_holder(capture.body["detail"])
    assert names_the_holder(settings.body["detail"])
    assert station.database.count("captures_capture WHERE asked LIKE ?", f"%{WHILE_HELD_US}%") == 0


@pytest.fixture
def running(station: Station) -> Iterator[None]:
    session = station.cameras.start_session(cadence_s=5)
    yield
    station.api.call("POST", "cameras/simulated/stop/", {})
    eventually(lambda: station.api.get(f"sessions/{session}/")["state"] == "stopped", "the session has stopped")


def test_a_session_holds_the_camera_too(station: Station, running: None) -> None:
    capture, settings = station.service.capture(), station.service.request("PUT", "/settings", {"gain": 2})
    assert capture.status == 503
    assert settings.status == 503
    assert names_the_holder(capture.body["detail"])
    assert "with a session. Ask them" in capture.body["detail"]


def test_the_broker_has_the_holder_of_a_session_too(station: Station, running: None) -> None:
    eventually(lambda: camera_status(station)["held_by"] == "admin", "the status has the holder")


def test_reading_is_allowed_while_the_camera_is_held(station: Station, held: str) -> None:
    assert [station.service.request("GET", path).status for path in ("/health", "/settings", "/captures/list")] == [
        200
    ] * 3


def test_the_broker_has_the_holder(station: Station, held: str) -> None:
    # The status may still have an earlier lease of the same holder.
    eventually(lambda: camera_status(station)["held_since"] == held, "the status has this lease")
    assert held.endswith("Z")
    assert camera_status(station)["held_by"] == "admin"


def camera_status(station: Station) -> dict[str, Any]:
    found = json.loads(run(station.data, "--output", "json", "status").stdout)["cameras"]
    return {status["camera"]: status for status in found}["simulated"]


def test_after_release_the_service_captures_again(station: Station) -> None:
    station.api.call("POST", "cameras/simulated/take/", {})
    station.api.call("POST", "cameras/simulated/release/", {})
    assert station.service.capture().status == 200
