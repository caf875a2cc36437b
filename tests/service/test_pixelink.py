"""The service over a PixeLink camera: the unmodified wrapper, and a small library that imitates the SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.clients.service_samples import CAPTURE_NEWER, CAPTURE_OLDER, SETTINGS, missing_keys
from tests.harness.far_ends.pixelink.build import SERIAL, Sdk
from tests.harness.stations.station import WITH_SERVICE, Station
from tests.harness.waiting import eventually


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return Sdk(tmp_path_factory.mktemp("sdk"))


@pytest.fixture(scope="module")
def scope(sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station to which a PixeLink was added."""
    station = Station(tmp_path_factory.mktemp("scope") / "data", **sdk.environment, **WITH_SERVICE)
    try:
        station.up().api.call("POST", "cameras/", {"slug": "scope", "kind": "pixelink", "address": SERIAL})
        eventually(lambda: station.service.request("GET", "/settings").body.get("connected"), "the PixeLink is served")
        yield station
    finally:
        station.ensure_stopped()


def connected(station: Station) -> bool:
    return bool(station.service.is_connected())


def test_a_capture_of_hardware_is_not_marked_as_simulated(scope: Station) -> None:
    answer = scope.service.capture(exposure=5000)
    assert answer.status == 200
    assert missing_keys(answer.body, CAPTURE_NEWER) == []
    assert missing_keys(answer.body, CAPTURE_OLDER) == []
    assert answer.body["exposureTime"] == 5000
    assert answer.body["metadata"]["simulatedMode"] is False


def test_the_settings_of_a_pixelink_have_all_keys(scope: Station) -> None:
    assert missing_keys(scope.service.request("GET", "/settings").body, SETTINGS) == []


def test_a_value_out_of_range_keeps_the_cameras_own(scope: Station) -> None:
    before = scope.service.request("GET", "/settings").body["gain"]
    answer = scope.service.request("PUT", "/settings", {"gain": 99})
    assert answer.status == 200
    assert answer.body["gain"] == before
    assert answer.body["warning"].startswith("The camera keeps its gain of 0")


def test_an_unplugged_camera_is_503_until_it_is_back(scope: Station, sdk: Sdk) -> None:
    line = sdk.cameras[SERIAL]
    sdk.unplug()
    answer = eventually(lambda: (found := scope.service.capture(exposure=1000)).status != 200 and found, "it is missed")
    assert answer.status == 503
    assert answer.body["detail"] == "Camera not connected"
    assert line.split()[0] in answer.body["why"]
    eventually(lambda: not connected(scope), "its absence is seen")
    sdk.plug(SERIAL)
    eventually(lambda: connected(scope), "it is connected again")
    assert scope.service.capture(exposure=1000).body["metadata"]["simulatedMode"] is False
