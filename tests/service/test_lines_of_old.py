"""What the two guides to the service of old show, sent to a station whose camera is the simulated one."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from tests.service.samples import CAPTURE_NEWER, CAPTURE_OLDER, HEALTH, LIST, SETTINGS, lacks
from tests.service.stations import ServiceStation
from tests.skycam_project.stations import eventually


def test_health(station: ServiceStation) -> None:
    answer = station.ask("GET", "/health")
    assert (answer.status, answer.body["status"]) == (200, "healthy")
    assert lacks(answer.body, HEALTH) == []
    assert datetime.fromisoformat(answer.body["timestamp"]).utcoffset() == timedelta(0)


def test_settings(station: ServiceStation) -> None:
    answer = station.ask("GET", "/settings")
    assert (answer.status, lacks(answer.body, SETTINGS)) == (200, [])
    assert answer.body["resolution"] in answer.body["available_resolutions"]


def test_settings_are_changed(station: ServiceStation) -> None:
    answer = station.ask("PUT", "/settings", {"exposure": 50000, "gain": 2.0})
    assert (answer.status, lacks(answer.body, SETTINGS)) == (200, [])
    assert (answer.body["exposure"], answer.body["gain"], answer.body["warning"]) == (50000, 2.0, None)
    read = station.ask("GET", "/settings").body
    assert (read["exposure"], read["gain"]) == (50000, 2.0)


def test_a_value_that_the_camera_does_not_have_leaves_the_present_one_and_a_warning(station: ServiceStation) -> None:
    station.ask("PUT", "/settings", {"exposure": 50000})
    answer = station.ask("PUT", "/settings", {"exposure": 3_000_000_000})
    assert (answer.status, answer.body["exposure"]) == (200, 50000)
    assert "3000 s was asked" in answer.body["warning"]


def test_a_capture_has_all_keys_of_both_guides(station: ServiceStation) -> None:
    answer = station.capture(exposure=10000, gain=1.5)
    assert answer.status == 200
    assert lacks(answer.body, CAPTURE_NEWER) + lacks(answer.body, CAPTURE_OLDER) == []
    assert (answer.body["exposureTime"], answer.body["gain"]) == (10000, 1.5)
    assert answer.body["metadata"] == {
        "format": "JPG", "quality": 95, "cameraConnected": True, "simulatedMode": True,
    }  # fmt: skip


def test_the_picture_lies_where_the_answer_says(station: ServiceStation) -> None:
    body = station.capture(exposure=1000).body
    path = Path(body["filepath"])
    assert path.is_relative_to(station.data.parent / "captures")
    assert re.fullmatch(r"capture_\d{8}_\d{6}_\d{3}\.jpg", body["filename"])
    assert path.name == body["filename"]
    assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (body["fileSize"], body["sha256"])
    with Image.open(path) as image:
        assert image.size == (body["width"], body["height"])


def test_exposure_and_gain_of_a_capture_are_its_own(station: ServiceStation) -> None:
    before = station.ask("PUT", "/settings", {"exposure": 20000, "gain": 1.0}).body
    assert station.capture(exposure=1000, gain=3).body["settings"]["gain"] == 3.0
    assert station.ask("GET", "/settings").body | {"streaming": False} == before | {"streaming": False}
    assert station.capture().body["exposureTime"] == 20000


def test_a_capture_says_what_the_camera_refused(station: ServiceStation) -> None:
    station.ask("PUT", "/settings", {"gain": 2.0})
    body = station.capture(exposure=1000, gain=200).body
    assert (body["gain"], body["warning"]) == (2.0, "The camera keeps its gain of 2 (it takes 1 to 16); 200 was asked.")


def test_the_list_has_what_was_captured(station: ServiceStation) -> None:
    captured = station.capture(exposure=1000).body
    answer = station.ask("GET", "/captures/list")
    assert (answer.status, lacks(answer.body, LIST)) == (200, [])
    assert answer.body["files"][0]["filename"] == captured["filename"]
    assert answer.body["count"] == len(answer.body["files"])
    assert Path(captured["filepath"]).is_relative_to(answer.body["path"])


def test_its_pictures_are_captures_like_any_other(station: ServiceStation) -> None:
    captured = station.capture(exposure=1000).body
    eventually(lambda: station.web("GET", f"captures/{captured['id']}/").body["status"] == "saved", 10)
    capture = station.web("GET", f"captures/{captured['id']}/").body
    assert (capture["requested_by"], capture["sha256"]) == ("service", captured["sha256"])


def test_captures_at_once_are_taken_in_order(station: ServiceStation) -> None:
    with ThreadPoolExecutor(3) as pool:
        asked = [station.capturing(pool, exposure=exposure) for exposure in (700_000, 2000, 1000)]
        answers = [future.result() for future in asked]
    assert [answer.status for answer in answers] == [200, 200, 200]
    times = [answer.body["capturedAt"] for answer in answers]
    assert times == sorted(times)


def test_a_capture_that_takes_too_long_is_504_and_still_ends_with_an_outcome(station: ServiceStation) -> None:
    answer = station.capture(exposure=2_200_000)
    assert (answer.status, list(answer.body)) == (504, ["detail"])
    asked = "SELECT status FROM captures_capture ORDER BY planned_at DESC LIMIT 1"
    eventually(lambda: station.rows(asked) == [("saved",)], 20, "the capture that was left behind is saved")


def test_the_routes_are_described(station: ServiceStation) -> None:
    schema = station.ask("GET", "/openapi.json").body
    assert {"/health", "/settings", "/capture", "/captures/list", "/video/feed"} == set(schema["paths"])
    page = station.ask("GET", "/docs")
    scripts = re.findall(r'src="([^"]+)"', page.body)
    assert [station.ask("GET", script).status for script in scripts] == [200, 200]


def test_the_names_of_the_dotenv_are_the_services_alone(station: ServiceStation) -> None:
    """HOST is not followed without a token, DEBUG never; DEFAULT_EXPOSURE was set on the camera."""
    config = station.config
    assert (config.web.debug, config.service.listens_on, config.service.port) == (
        False,
        "127.0.0.1",
        station.service_port,
    )
    assert "SERVICE_TOKEN" in "".join(config.warnings)
    events = "SELECT count(*) FROM monitoring_event WHERE kind = 'camera.changed' AND camera = 'simulated'"
    assert station.rows(events) == [(1,)]
