"""A whole station and a PixeLink camera: API, status and event log in each case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.far_ends.pixelink.build import SERIAL, Sdk
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

CAMERA = "cameras/microscope/"


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return Sdk(tmp_path_factory.mktemp("sdk"), installed=False)


@pytest.fixture(scope="module")
def bare(sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """The station with the camera, and without the SDK."""
    station = Station(tmp_path_factory.mktemp("pixelink") / "data", **sdk.environment, **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        answer = station.api.post("cameras/", {"slug": "microscope", "kind": "pixelink", "address": SERIAL})
        assert answer.status == 201, answer
        yield station
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def status_without_sdk(bare: Station) -> tuple[dict[str, Any], str]:
    """The camera's status while the SDK is missing, and the status of a capture with the other camera."""
    status = eventually(lambda: status_if(bare, "reconnecting"), "the camera is reconnecting")
    return status, bare.cameras.saved_capture()["status"]


@pytest.fixture(scope="module")
def station(bare: Station, sdk: Sdk, status_without_sdk: object) -> Station:
    """The same station after the SDK was installed: it was not started again."""
    sdk.install()
    bare.cameras.eventually_ready("microscope")
    return bare


def status_if(station: Station, observed: str) -> dict[str, Any] | None:
    status = station.api.get(f"{CAMERA}status/")
    return status if status["observed"] == observed else None


def events(station: Station, kind: str) -> list[tuple[str, str]]:
    """Severity and message, oldest first."""
    question = "SELECT severity, message FROM monitoring_event WHERE kind = ? AND camera = 'microscope' ORDER BY at, id"
    return [(severity, message) for severity, message in station.database.rows(question, kind)]


def test_a_missing_sdk_is_reported_and_the_station_runs_on(status_without_sdk: tuple[dict[str, Any], str]) -> None:
    status, other_camera = status_without_sdk
    assert status["reason"] == (
        "The PixeLink SDK is missing: libPxLApi.so is in no folder of LD_LIBRARY_PATH. Install the PixeLink SDK for "
        "Linux (https://www.navitar.com/products/pixelink-cameras/pixelink-sdk), set PIXELINK_SDK_LIB to the folder "
        "that holds libPxLApi.so, add that folder to LD_LIBRARY_PATH, and start Skycam again."
    )
    assert other_camera == "saved"


@pytest.mark.promise("pixelink")
def test_a_still_is_captured_and_records_who_took_it(station: Station) -> None:
    body = station.cameras.saved_capture("microscope", exposure_us=5000)
    assert body["status"] == "saved"
    assert body["exposure_us"] == 5000
    assert body["serial"] == SERIAL
    assert body["simulated"] is False
    assert body["width"] == 320
    assert body["height"] == 240
    assert body["temperature_celsius"] == 31.5


def test_a_capture_out_of_range_is_saved_with_a_warning_in_answer_and_event_log(station: Station) -> None:
    body = station.cameras.saved_capture("microscope", exposure_us=5000, gain=99.0)
    warning = "The camera keeps its gain of 0 (it takes 0 to 24; error 0x80000016); 99 was requested."
    assert body["status"] == "saved"
    assert body["gain"] == 0.0
    assert body["warnings"] == [warning]
    event = ("warning", f"microscope saved a capture. {warning}")
    eventually(lambda: event in events(station, "capture.saved"), "the event")


def test_a_setting_out_of_range_gives_a_warning_in_answer_and_event_log(station: Station) -> None:
    body = station.api.call("PATCH", f"{CAMERA}settings/", {"exposure_us": 100_000_000}).body
    assert body["desired"]["exposure_us"] == 100_000_000
    assert body["actual"]["exposure_us"] == 3096
    (warning,) = body["warnings"]
    assert warning.startswith("The camera keeps its exposure time of 3.096 ms")
    eventually(lambda: ("warning", f"microscope: {warning}") in events(station, "camera.settings"), "the event")


def test_a_camera_in_use_elsewhere_and_an_unplugged_one_are_reported(station: Station, sdk: Sdk) -> None:
    sdk.unplug()
    gone = eventually(lambda: status_if(station, "reconnecting"), "the camera is reconnecting")
    assert "PixeLink camera" in gone["reason"]
    sdk.fails("PxLInitializeEx", 0x80000007)
    sdk.plug(SERIAL)
    eventually(lambda: "in use by another program" in station.api.get(f"{CAMERA}status/")["reason"], "held")
    sdk.works("PxLInitializeEx")
    station.cameras.eventually_ready("microscope")
    assert station.cameras.saved_capture("microscope", exposure_us=1000)["status"] == "saved"
