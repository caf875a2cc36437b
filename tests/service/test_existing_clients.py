"""The requests in the two guides to the service that Skycam replaces, sent to a station with the simulated camera."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from tests.harness.clients.service_samples import CAPTURE_NEWER, CAPTURE_OLDER, HEALTH, LIST, SETTINGS, missing_keys
from tests.harness.stations.service_station import TIMEOUT_MS, ServiceStation
from tests.harness.waiting import eventually


def test_the_health_has_all_keys_of_the_guides(station: ServiceStation) -> None:
    answer = station.send_request("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert missing_keys(answer.body, HEALTH) == []
    assert datetime.fromisoformat(answer.body["timestamp"]).utcoffset() == timedelta(0)


def test_the_settings_have_all_keys_of_the_guides(station: ServiceStation) -> None:
    answer = station.send_request("GET", "/settings")
    assert answer.status == 200
    assert missing_keys(answer.body, SETTINGS) == []
    assert answer.body["resolution"] in answer.body["available_resolutions"]


def test_settings_can_be_changed(station: ServiceStation) -> None:
    answer = station.send_request("PUT", "/settings", {"exposure": 50000, "gain": 2.0})
    assert answer.status == 200
    assert missing_keys(answer.body, SETTINGS) == []
    assert answer.body["exposure"] == 50000
    assert answer.body["gain"] == 2.0
    assert answer.body["warning"] is None
    read = station.send_request("GET", "/settings").body
    assert read["exposure"] == 50000
    assert read["gain"] == 2.0


def test_a_value_out_of_range_keeps_the_present_one_with_a_warning(station: ServiceStation) -> None:
    station.send_request("PUT", "/settings", {"exposure": 50000})
    answer = station.send_request("PUT", "/settings", {"exposure": 3_000_000_000})
    assert answer.status == 200
    assert answer.body["exposure"] == 50000
    assert "3000 s was requested" in answer.body["warning"]


def test_a_capture_has_all_keys_of_both_guides(station: ServiceStation) -> None:
    answer = station.capture(exposure=10000, gain=1.5)
    assert answer.status == 200
    assert missing_keys(answer.body, CAPTURE_NEWER) + missing_keys(answer.body, CAPTURE_OLDER) == []
    assert answer.body["exposureTime"] == 10000
    assert answer.body["gain"] == 1.5
    assert answer.body["metadata"] == {
        "format": "JPG", "quality": 95, "cameraConnected": True, "simulatedMode": True,
    }  # fmt: skip


def test_the_file_is_at_the_path_in_the_answer(station: ServiceStation) -> None:
    body = station.capture(exposure=1000).body
    path = Path(body["filepath"])
    assert path.is_relative_to(station.data.parent / "captures")
    assert re.fullmatch(r"capture_\d{8}_\d{6}_\d{3}\.jpg", body["filename"])
    assert path.name == body["filename"]
    assert path.stat().st_size == body["fileSize"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == body["sha256"]
    with Image.open(path) as image:
        assert image.size == (body["width"], body["height"])


def test_exposure_and_gain_of_a_capture_do_not_change_the_settings(station: ServiceStation) -> None:
    before = station.send_request("PUT", "/settings", {"exposure": 20000, "gain": 1.0}).body
    assert station.capture(exposure=1000, gain=3).body["settings"]["gain"] == 3.0
    assert station.send_request("GET", "/settings").body | {"streaming": False} == before | {"streaming": False}
    assert station.capture().body["exposureTime"] == 20000


def test_a_capture_warns_of_values_that_the_camera_refused(station: ServiceStation) -> None:
    station.send_request("PUT", "/settings", {"gain": 2.0})
    body = station.capture(exposure=1000, gain=200).body
    assert body["gain"] == 2.0
    assert body["warning"] == "The camera keeps its gain of 2 (it takes 1 to 16); 200 was requested."


def test_the_list_has_the_newest_capture_first(station: ServiceStation) -> None:
    captured = station.capture(exposure=1000).body
    answer = station.send_request("GET", "/captures/list")
    assert answer.status == 200
    assert missing_keys(answer.body, LIST) == []
    assert answer.body["files"][0]["filename"] == captured["filename"]
    assert answer.body["count"] == len(answer.body["files"])
    assert Path(captured["filepath"]).is_relative_to(answer.body["path"])


def test_a_capture_of_the_service_is_in_the_stations_api(station: ServiceStation) -> None:
    captured = station.capture(exposure=1000).body
    eventually(lambda: station.web("GET", f"captures/{captured['id']}/").body["status"] == "saved", 40)
    capture = station.web("GET", f"captures/{captured['id']}/").body
    assert capture["requested_by"] == "service"
    assert capture["sha256"] == captured["sha256"]


def test_concurrent_captures_are_taken_in_order(station: ServiceStation) -> None:
    with ThreadPoolExecutor(3) as pool:
        futures = [station.capturing(pool, exposure=exposure) for exposure in (700_000, 2000, 1000)]
        answers = [future.result() for future in futures]
    assert [answer.status for answer in answers] == [200, 200, 200]
    times = [answer.body["capturedAt"] for answer in answers]
    assert times == sorted(times)


def test_a_capture_that_takes_too_long_is_504_and_still_ends_with_an_outcome(station: ServiceStation) -> None:
    answer = station.capture(exposure=1000 * TIMEOUT_MS + 200_000)
    assert answer.status == 504
    assert list(answer.body) == ["detail"]
    sql = "SELECT status FROM captures_capture ORDER BY planned_at DESC LIMIT 1"
    eventually(lambda: station.rows(sql) == [("saved",)], 40, "the late capture is saved")


def test_the_openapi_document_has_all_routes(station: ServiceStation) -> None:
    schema = station.send_request("GET", "/openapi.json").body
    assert {"/health", "/settings", "/capture", "/captures/list", "/video/feed"} == set(schema["paths"])
    page = station.send_request("GET", "/docs")
    scripts = re.findall(r'src="([^"]+)"', page.body)
    assert [station.send_request("GET", script).status for script in scripts] == [200, 200]


def test_the_names_of_the_dotenv_configure_the_service_only(station: ServiceStation) -> None:
    """HOST is not followed without a token, DEBUG never; DEFAULT_EXPOSURE is set on the camera."""
    config = station.config
    assert config.web.debug is False
    assert config.service.listens_on == "127.0.0.1"
    assert config.service.port == station.service_port
    assert "SERVICE_TOKEN" in "".join(config.warnings)
    events = "SELECT count(*) FROM monitoring_event WHERE kind = 'camera.changed' AND camera = 'simulated'"
    assert station.rows(events) == [(1,)]
