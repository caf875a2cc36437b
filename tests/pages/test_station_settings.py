"""The page Settings: values in effect, their origins, and changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cameras.models import Camera
from captures.roots import roots
from core import station_settings
from core.events.models import Event
from core.station_settings import StationSetting
from skycam_project.config import ConfigManager
from tests.harness.clients.pages import text_of
from tests.harness.rows.clips import clip_of

pytestmark = pytest.mark.usefixtures("camera", "valkey")
CRF = "camera_config.crf"


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station with the preset set in YAML and the number of clips in the environment."""
    (tmp_path / "skycam.yaml").write_text("camera_config:\n  preset: veryfast\n")
    environment = {"CAMERA_CONFIG__ROLLING_CLIPS_COUNT": "12", "SKYCAM_DATA": str(tmp_path / "data")}
    found = ConfigManager(tmp_path / "skycam.yaml", environment=environment, here=tmp_path).config
    values = found.camera_config.model_copy()
    changed = settings.STATION.model_copy(update={"camera_config": values})
    monkeypatch.setattr(settings, "STATION", changed.with_origin(found.origins, found.fixed, ()))


def send(manager: Any, **form: str) -> Any:
    return manager.post("/settings/", form, format="multipart")


def saved(manager: Any, key: str, text: str, was: str) -> Any:
    return send(manager, **{key: text, f"was-{key}": was})


def test_each_key_is_shown_with_its_value_its_meaning_and_what_is_allowed(manager: Any) -> None:
    text = text_of(manager.get("/settings/"))
    for key in station_settings.fields("camera_config"):
        assert f'name="{".".join(key)}"' in text
    assert "x264 CRF: a lower value" in text
    assert 'for="set-camera_config-max_kbit_s">Max bit rate<' in text
    assert "A whole number from 0 to 51; default 23 (in use)." in text


def test_the_origin_of_a_value_is_shown(station: None, manager: Any) -> None:
    StationSetting.objects.create(key=CRF, value=30, changed_by="ada")
    text = text_of(manager.get("/settings/"))
    assert "skycam.yaml:2: camera_config.preset" in text
    assert "Set here by ada" in text
    assert "environment: CAMERA_CONFIG__ROLLING_CLIPS_COUNT" in text


@pytest.fixture
def video_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The video path of a station that has set it in YAML and has not restarted yet."""
    folder = tmp_path / "films"
    (tmp_path / "skycam.yaml").write_text(f"video_path: {folder}\n")
    found = ConfigManager(tmp_path / "skycam.yaml", environment={"SKYCAM_DATA": str(tmp_path)}, here=tmp_path).config
    changed = settings.STATION.model_copy(update={"video_path": folder})
    monkeypatch.setattr(settings, "STATION", changed.with_origin(found.origins, found.fixed, ()))
    return folder


@pytest.fixture
def pictures_folder(db: None) -> str:
    """The folder of pictures of a host that was started once."""
    return str(roots.ensure_default_root().path)


def test_the_clip_folder_is_shown_with_its_clips_and_how_to_change_it(
    video_path: Path, camera: Camera, manager: Any
) -> None:
    root = roots.ensure_video_root()
    assert root is not None
    clip_of(camera, root)
    panel = clip_folder_panel(manager)
    for text in (f">{video_path}</code>", "skycam.yaml:1: video_path", "(1 clip now)", "restart the station"):
        assert text in panel
    assert "not in use" not in panel
    assert "<input" not in panel


def test_a_configured_video_path_that_is_not_in_use_is_shown(
    video_path: Path, pictures_folder: str, manager: Any
) -> None:
    panel = clip_folder_panel(manager)
    assert f">{pictures_folder}</code>" in panel
    assert f"<code>{video_path}</code> is configured but not in use" in panel


def test_without_a_video_path_clips_are_stored_beside_the_pictures(pictures_folder: str, manager: Any) -> None:
    panel = clip_folder_panel(manager)
    assert f">{pictures_folder}</code>" in panel
    assert "Default: beside the pictures" in panel


def test_the_clip_folder_is_shown_on_a_refused_form_too(pictures_folder: str, manager: Any) -> None:
    assert pictures_folder in text_of(saved(manager, CRF, "99", "23"))


def clip_folder_panel(manager: Any) -> str:
    return text_of(manager.get("/settings/")).partition('id="video-path-title"')[2].partition("</section>")[0]


def test_a_setting_of_the_environment_cannot_be_changed_on_the_page(station: None, manager: Any) -> None:
    text = text_of(manager.get("/settings/"))
    assert 'name="was-camera_config.rolling_clips_count"' not in text
    answer = saved(manager, "camera_config.rolling_clips_count", "5", "12")
    assert answer.status_code == 400
    assert StationSetting.objects.count() == 0


def test_a_change_is_saved_and_recorded_with_the_old_and_the_new_value(manager: Any) -> None:
    assert saved(manager, CRF, "20", "23").status_code == 302
    event = Event.objects.get(kind="station.settings")
    assert event.actor == "a-manager"
    assert event.data == {"key": CRF, "old": 23, "new": 20}
    assert event.message == "a-manager set camera_config.crf: from 23 to 20."
    assert station_settings.camera_config().crf == 20
    assert StationSetting.objects.get().changed_by == "a-manager"


def test_untouched_settings_are_not_stored(manager: Any) -> None:
    send(manager, **{CRF: "23", f"was-{CRF}": "23", "camera_config.preset": "fast", "was-camera_config.preset": "fast"})
    assert StationSetting.objects.count() == 0
    assert Event.objects.filter(kind="station.settings").count() == 0


def test_a_bad_value_changes_nothing_and_says_what_is_allowed(manager: Any) -> None:
    form = {CRF: "99", f"was-{CRF}": "23", "camera_config.max_cameras": "5", "was-camera_config.max_cameras": "32"}
    answer = send(manager, **form)
    text = text_of(answer)
    assert answer.status_code == 400
    assert StationSetting.objects.count() == 0
    assert "This is not allowed; allowed is a whole number from 0 to 51." in text
    assert 'value="99"' in text
    assert 'value="5"' in text


def test_contradictory_disk_limits_are_refused(manager: Any) -> None:
    answer = saved(manager, "camera_config.hard_floor_gb", "50", "2")
    assert "must not be above camera_config.soft_floor_gb" in text_of(answer)


@pytest.mark.parametrize("form", [{"back": CRF}, {CRF: "", f"was-{CRF}": "30"}])
def test_a_setting_is_reset(manager: Any, form: dict[str, str]) -> None:
    StationSetting.objects.create(key=CRF, value=30)
    send(manager, **form)
    assert StationSetting.objects.count() == 0
    assert station_settings.camera_config().crf == 23
    assert Event.objects.get(kind="station.settings").data == {"key": CRF, "old": 30, "new": 23}


def test_a_stored_value_that_contradicts_the_file_is_not_used_and_is_shown(manager: Any) -> None:
    StationSetting.objects.create(key="camera_config.hard_floor_gb", value=50)
    StationSetting.objects.create(key=CRF, value=30)
    assert station_settings.camera_config().hard_floor_gb == 2.0
    assert station_settings.camera_config().crf == 30
    assert "50, set here, is not used" in text_of(manager.get("/settings/"))


def test_an_unknown_key_is_refused(manager: Any) -> None:
    assert saved(manager, "web.port", "1", "8080").status_code == 400
    assert saved(manager, "nonsense", "1", "2").status_code == 400


def test_only_a_manager_has_the_page_in_the_side_bar(operator: Any, manager: Any) -> None:
    assert ('href="/settings/"' in text_of(operator.get("/"))) is False
    assert ('href="/settings/"' in text_of(manager.get("/"))) is True


def test_every_page_shows_the_name_of_the_station(manager: Any) -> None:
    saved(manager, "station.name", "Roof  observatory ", settings.STATION.station.name)
    assert station_settings.station_name() == "Roof observatory"
    for address in ("/", "/settings/", "/status/", "/gallery/"):
        text = text_of(manager.get(address))
        assert "Skycam <small>Roof observatory</small>" in text
        assert ", Roof observatory</title>" in text
        assert settings.STATION.station.id not in text


def test_the_sign_in_page_names_the_station(anonymous: Any, manager: Any) -> None:
    saved(manager, "station.name", "Roof", settings.STATION.station.name)
    assert "Skycam <small>Roof</small>" in text_of(anonymous.get("/accounts/login/", follow=True))


def test_the_id_of_the_station_is_not_set_on_the_page(manager: Any) -> None:
    assert 'name="station.id"' not in manager.get("/settings/").content.decode()
    assert manager.patch("/api/v1/settings/", {"station.id": "other"}).status_code == 400


def groups(text: str) -> list[tuple[bool, str]]:
    """Whether each group of settings is open, and its heading, in their order."""
    found = re.findall(r'<details( open)?>\s*<summary class="ph">\s*<h2 id="[\w-]+">([^<]*)</h2>', text)
    return [(bool(is_open), heading) for is_open, heading in found]


def test_the_groups_fold_and_the_site_is_the_first(manager: Any) -> None:
    found = groups(text_of(manager.get("/settings/")))
    assert found[0] == (True, "Station and site")
    assert [is_open for is_open, _ in found[1:]] == [False] * (len(found) - 1)
    assert "Live view" in [heading for _, heading in found]


def test_a_group_with_an_error_is_open(manager: Any) -> None:
    assert (True, "Recording and cameras") in groups(text_of(saved(manager, CRF, "99", "23")))


def test_a_group_says_how_many_of_its_settings_were_set_here(manager: Any) -> None:
    StationSetting.objects.create(key=CRF, value=30)
    assert "1 set here" in text_of(manager.get("/settings/"))


def test_the_site_is_set_on_the_page_and_its_effect_is_said(manager: Any) -> None:
    typed = {"site.latitude": "48.1", "site.longitude": "11.6", "site.time_zone": "Europe/Berlin"}
    answer = manager.post(
        "/settings/", {**typed, **{f"was-{key}": "" for key in typed}}, format="multipart", follow=True
    )
    assert "Runs that have not begun are planned again within a minute." in text_of(answer)
    assert station_settings.site_config().time_zone == "Europe/Berlin"


def test_one_coordinate_alone_is_refused(manager: Any) -> None:
    text = text_of(saved(manager, "site.latitude", "48.1", ""))
    assert "site.latitude and site.longitude belong together: set both or neither." in text
