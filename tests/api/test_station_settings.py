"""`/api/v1/settings/`, and the effect of its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

from cameras.live.service import station_presets
from cameras.models import Camera
from cameras.supervision.desired_state import desired_states
from captures.models import StorageRoot
from captures.recordings.control.commands import desired_recording
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from core import station_settings
from core.station_settings import StationSetting
from skycam_project.config.model import KEYS
from tests.harness.project import PROJECT
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db
CRF = "camera_config.crf"


def patch(manager: Any, **changes: Any) -> Any:
    return manager.patch("/api/v1/settings/", {f"camera_config.{name}": value for name, value in changes.items()})


def listed(manager: Any) -> dict[str, Any]:
    return {one["key"]: one for one in manager.get("/api/v1/settings/").json()["results"]}


def test_every_key_is_listed_with_its_meaning(manager: Any) -> None:
    found = listed(manager)
    assert set(found) == {".".join(key) for name in station_settings.SECTIONS for key in KEYS if key[0] == name} - {
        "station.id"
    }
    assert found[CRF] == {
        "key": CRF, "value": 23, "default": 23, "unset": "", "allowed": "a whole number from 0 to 51",
        "meaning": "x264 CRF: a lower value means better quality and larger files.",
        "variable": "CAMERA_CONFIG__CRF", "origin": "default", "fixed": False, "unused": None, "changed_by": "",
        "changed": None,
    }  # fmt: skip


def test_a_change_is_answered_with_all_settings(manager: Any) -> None:
    found = {one["key"]: one for one in patch(manager, crf=20, preset="fast").json()["results"]}
    assert found[CRF]["value"] == 20
    assert found[CRF]["origin"] == "page"
    assert found[CRF]["changed_by"] == "a-manager"
    assert found["camera_config.preset"]["value"] == "fast"


def test_null_removes_the_value(manager: Any) -> None:
    patch(manager, crf=20)
    patch(manager, crf=None)
    assert listed(manager)[CRF]["value"] == 23
    assert StationSetting.objects.count() == 0


@pytest.mark.parametrize("bad", [{"crf": 52}, {"crf": "much"}, {"crf": True}, {"preset": "turbo"}, {"crf": [1]}])
def test_a_bad_value_names_its_field_and_what_is_allowed(manager: Any, bad: dict[str, Any]) -> None:
    refused = patch(manager, max_cameras=5, **bad)
    [error] = refused.json()["errors"]
    assert refused.status_code == 400
    assert error["field"] == f"camera_config.{next(iter(bad))}"
    assert "allowed is" in error["message"]
    assert StationSetting.objects.count() == 0


@pytest.mark.parametrize("body", [[], "text", {"web.port": 1}, {"": 1}, {"camera_config": {"crf": 1}}])
def test_an_invalid_change_is_refused(manager: Any, body: Any) -> None:
    assert manager.patch("/api/v1/settings/", body).status_code == 400


def test_a_change_reaches_a_recording_camera(manager: Any) -> None:
    camera = Camera(slug="sim", kind="simulated", recording="rolling")
    patch(manager, crf=20, recording_duration_minutes=0.1)
    desired = desired_recording(camera)
    assert desired is not None
    assert desired["crf"] == 20
    assert desired["clip_s"] == 6.0


@pytest.mark.django_db(transaction=True)
def test_another_process_sees_a_change_at_its_next_read(manager: Any) -> None:
    script = "import django; django.setup(); from core import station_settings as s; print(s.camera_config().crf)"
    patch(manager, crf=20)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=os.environ, capture_output=True, check=True, timeout=PATIENCE_S
    )
    assert done.stdout.split() == [b"20"]


def test_changes_of_another_process_are_read_periodically(
    settings_cache_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_cache_s <= 1
    assert station_settings.camera_config().crf == 23
    StationSetting.objects.create(key=CRF, value=20)
    assert station_settings.camera_config().crf == 23
    monkeypatch.setattr(station_settings, "CACHE_S", 0)
    assert station_settings.camera_config().crf == 20


def test_the_command_line_shows_page_as_the_origin(manager: Any) -> None:
    patch(manager, crf=20)
    assert answer("config", "show")["camera_config"]["crf"] == 20
    [line] = [line for line in skycam("config", "show").stdout.splitlines() if CRF in line]
    assert line.split() == [CRF, "20", "page"]


def test_a_camera_above_the_maximum_number_is_refused_everywhere(manager: Any) -> None:
    patch(manager, max_cameras=1)
    add_camera(slug="one", kind="simulated")
    by_api = manager.post("/api/v1/cameras/", {"slug": "two", "kind": "simulated"})
    by_page = manager.post("/cameras/", {"slug": "two", "kind": "simulated"}, format="multipart")
    by_hand = skycam("cameras", "add", "two", "--kind", "simulated")
    message = "The station has as many cameras as max_cameras allows (1)."
    assert by_api.status_code == 400
    assert message in by_api.json()["detail"]
    assert Camera.objects.count() == 1
    assert message in by_page.content.decode()
    assert by_hand.exit_code == 2
    assert message in by_hand.stderr


def test_an_added_camera_gets_the_stations_rate_and_size(manager: Any) -> None:
    patch(manager, default_fps=5, default_resolution="640X480")
    assert add_camera(slug="one", kind="simulated").settings == {"fps": 5.0, "width": 640, "height": 480}
    assert add_camera(slug="two", kind="simulated", settings={"fps": 2.0, "width": 320}).settings == {
        "fps": 2.0, "width": 320,
    }  # fmt: skip
    assert not {"fps", "width"} & set(add_camera(slug="three", kind="gphoto2").settings)


def test_a_size_that_a_kind_does_not_support_is_left_to_the_camera(manager: Any) -> None:
    patch(manager, default_fps=5, default_resolution="99999x99999")
    assert add_camera(slug="one", kind="simulated").settings == {"fps": 5.0}


def test_a_changed_live_preset_reaches_camera_processes_and_viewers(manager: Any, camera: Camera) -> None:
    assign_root(StorageRoot.objects.create(host="main", path="/nowhere"), StorageClass.CAPTURES)
    answer = manager.patch("/api/v1/settings/", {"live_streaming_config.quality_presets.low.size": 320})
    found = {one["key"]: one["value"] for one in answer.json()["results"]}
    assert found["live_streaming_config.quality_presets.low.size"] == 320
    [desired] = desired_states("main").values()
    assert desired.presets["low"]["size"] == 320
    assert station_presets()["low"].size == 320


def test_the_command_line_sets_and_unsets_the_stations_name(db: None) -> None:
    before = settings.STATION.station.name
    assert skycam("config", "set", "station.name", "Roof observatory").stdout == (
        "station.name is Roof observatory (page).\n"
    )
    assert station_settings.station_name() == "Roof observatory"
    assert answer("config", "set", "station.name", "--unset")["value"] == before
    assert station_settings.station_name() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("station.id", "other"), "No such key can be set here."),
        (("camera_config.crf", "99"), "This is not allowed; allowed is a whole number from 0 to 51."),
        (("station.name",), "Give a value, or --unset."),
    ],
)
def test_a_key_that_the_command_line_cannot_set_is_an_error(db: None, words: tuple[str, ...], message: str) -> None:
    done = skycam("config", "set", *words)
    assert done.exit_code == 2
    assert message in done.stderr
