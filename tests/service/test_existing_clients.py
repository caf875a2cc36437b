"""The requests in the two guides to the service that Skycam replaces, sent to a station with the simulated camera."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.harness.clients.service_samples import CAPTURE_NEWER, CAPTURE_OLDER, HEALTH, LIST, SETTINGS, missing_keys
from tests.harness.stations.http_client import Answer
from tests.harness.stations.pixelink_service import PixelinkService
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually


def test_the_health_has_all_keys_of_the_guides(station: Station) -> None:
    answer = station.service.request("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert missing_keys(answer.body, HEALTH) == []
    assert datetime.fromisoformat(answer.body["timestamp"]).utcoffset() == timedelta(0)


def test_the_settings_have_all_keys_of_the_guides(station: Station) -> None:
    answer = station.service.request("GET", "/settings")
    assert answer.status == 200
    assert missing_keys(answer.body, SETTINGS) == []
    assert answer.body["resolution"] in answer.body["available_resolutions"]


def test_settings_can_be_changed(station: Station) -> None:
    answer = station.service.request("PUT", "/settings", {"exposure": 50000, "gain": 2.0})
    assert answer.status == 200
    assert missing_keys(answer.body, SETTINGS) == []
    assert answer.body["exposure"] == 50000
    assert answer.body["gain"] == 2.0
    assert answer.body["warning"] is None
    read = station.service.request("GET", "/settings").body
    assert read["exposure"] == 50000
    assert read["gain"] == 2.0


def test_a_fraction_of_a_microsecond_is_rounded(station: Station) -> None:
    answer = station.service.request("PUT", "/settings", {"exposure": 49_999.6})
    assert (answer.status, answer.body["exposure"]) == (200, 50_000)


def test_a_value_out_of_range_keeps_the_present_one_with_a_warning(station: Station) -> None:
    station.service.request("PUT", "/settings", {"exposure": 50000})
    answer = station.service.request("PUT", "/settings", {"exposure": 3_000_000_000})
    assert answer.status == 200
    assert answer.body["exposure"] == 50000
    assert "3000 s was requested" in answer.body["warning"]


@pytest.mark.promise("service")
def test_a_capture_has_all_keys_of_both_guides(station: Station) -> None:
    answer = station.service.capture(exposure=10000, gain=1.5)
    assert answer.status == 200
    assert missing_keys(answer.body, CAPTURE_NEWER) + missing_keys(answer.body, CAPTURE_OLDER) == []
    assert answer.body["exposureTime"] == 10000
    assert answer.body["gain"] == 1.5
    assert answer.body["metadata"] == {
        "format": "JPG", "quality": 95, "cameraConnected": True, "simulatedMode": True,
    }  # fmt: skip


def test_the_file_is_at_the_path_in_the_answer(station: Station) -> None:
    body = station.service.capture(exposure=1000).body
    path = Path(body["filepath"])
    assert path.is_relative_to(station.data.parent / "captures")
    assert re.fullmatch(r"capture_\d{8}_\d{6}_\d{3}\.jpg", body["filename"])
    assert path.name == body["filename"]
    assert path.stat().st_size == body["fileSize"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == body["sha256"]
    with Image.open(path) as image:
        assert image.size == (body["width"], body["height"])


def test_exposure_and_gain_of_a_capture_do_not_change_the_settings(station: Station) -> None:
    before = station.service.request("PUT", "/settings", {"exposure": 20000, "gain": 1.0}).body
    assert station.service.capture(exposure=1000, gain=3).body["settings"]["gain"] == 3.0
    assert station.service.request("GET", "/settings").body | {"streaming": False} == before | {"streaming": False}
    assert station.service.capture().body["exposureTime"] == 20000


def test_a_capture_warns_of_values_that_the_camera_refused(station: Station) -> None:
    station.service.request("PUT", "/settings", {"gain": 2.0})
    body = station.service.capture(exposure=1000, gain=200).body
    assert body["gain"] == 2.0
    assert body["warning"] == "The camera keeps its gain of 2 (it takes 1 to 16); 200 was requested."


def test_the_list_has_the_newest_capture_first(station: Station) -> None:
    captured = station.service.capture(exposure=1000).body
    answer = station.service.request("GET", "/captures/list")
    assert answer.status == 200
    assert missing_keys(answer.body, LIST) == []
    assert answer.body["files"][0]["filename"] == captured["filename"]
    assert answer.body["count"] == len(answer.body["files"])
    assert Path(captured["filepath"]).is_relative_to(answer.body["path"])


def test_a_capture_of_the_service_is_in_the_stations_api(station: Station) -> None:
    captured = station.service.capture(exposure=1000).body
    path = f"captures/{captured['id']}/"
    capture = eventually(lambda: (body := station.api.get(path))["status"] == "saved" and body)
    assert capture["requested_by"] == "service"
    assert capture["sha256"] == captured["sha256"]


OF_THE_SERVICE = "SELECT id FROM captures_capture WHERE requested_by = 'service'"


def capturing(station: Station, pool: ThreadPoolExecutor, **body: Any) -> Future[Answer]:
    """Capture on a thread; returns once the row is planned."""
    futures: list[Future[Answer]] = []
    station.database.rows_after(lambda: futures.append(pool.submit(station.service.capture, **body)), OF_THE_SERVICE)
    return futures[0]


@pytest.mark.promise("service")
def test_concurrent_captures_are_taken_in_order(station: Station) -> None:
    with ThreadPoolExecutor(3) as pool:
        futures = [capturing(station, pool, exposure=exposure) for exposure in (700_000, 2000, 1000)]
        answers = [future.result() for future in futures]
    assert [answer.status for answer in answers] == [200, 200, 200]
    times = [answer.body["capturedAt"] for answer in answers]
    assert times == sorted(times)


@pytest.fixture
def impatient(station: Station) -> Iterator[PixelinkService]:
    """A second process of the service, which gives each capture two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        service = PixelinkService(listening.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "skycam_project.launch.web", str(listening.fileno()), "service"],
            env=station.environment | {"SERVICE_TIMEOUT": "2000"}, cwd=station.data.parent,
            pass_fds=[listening.fileno()],
        )  # fmt: skip
    try:
        eventually(service.answers, "the second process answers")
        yield service
    finally:
        process.kill()
        process.wait()


def test_a_capture_that_takes_too_long_is_504_and_still_ends_with_an_outcome(
    station: Station, impatient: PixelinkService
) -> None:
    answers: list[Answer] = []
    [(capture,)] = station.database.rows_after(
        lambda: answers.append(impatient.capture(exposure=2_500_000)), OF_THE_SERVICE
    )
    assert [(answer.status, list(answer.body)) for answer in answers] == [(504, ["detail"])]
    eventually(lambda: station.database.status_of(capture)[0] != "planned")
    # A busy machine may begin it too late.
    assert station.database.status_of(capture) in {("saved", ""), ("failed", "too_slow")}


def test_the_openapi_document_has_all_routes(station: Station) -> None:
    schema = station.service.request("GET", "/openapi.json").body
    assert {"/health", "/settings", "/capture", "/captures/list", "/video/feed"} == set(schema["paths"])
    page = station.service.request("GET", "/docs")
    scripts = re.findall(r'src="([^"]+)"', page.body)
    assert [station.service.request("GET", script).status for script in scripts] == [200, 200]


def test_the_names_of_the_dotenv_configure_the_service_only(station: Station) -> None:
    """HOST is not followed without a token, DEBUG never; DEFAULT_EXPOSURE is set on the camera."""
    config = station.config
    assert config.web.debug is False
    assert config.service.listens_on == "127.0.0.1"
    assert config.service.port == station.service_port
    assert "SERVICE_TOKEN" in "".join(config.warnings)
    events = "SELECT count(*) FROM monitoring_event WHERE kind = 'camera.changed' AND camera = 'simulated'"
    assert station.database.rows(events) == [(1,)]
