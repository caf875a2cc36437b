"""The site of the station: set while it runs, checked, recorded, and used by what depends on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from cameras.models import Camera, CameraHost
from cameras.supervision.desired_state import desired_states
from cameras.supervision.lease import HostLease
from captures.days import station_site
from captures.roots.roots import ensure_default_root
from core.events.models import Event
from core.station_settings import StationSetting
from core.station_zone import site_time_text, station_zone_name
from scheduler.editing.service import ScheduleService
from scheduler.models import PlannedRun
from scheduler.runs.replanning import replan
from scheduler.runs.rules import sites_of
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.access.models import User
from skycam_project.config import ConfigManager
from tests.harness.stations.command_line import skycam

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("camera")]
SETTINGS = "/api/v1/settings/"
MUNICH = {
    "site.latitude": 48.1, "site.longitude": 11.6, "site.elevation": 520.0, "site.time_zone": "Europe/Berlin",
}  # fmt: skip


def problems(answer: Any) -> dict[str, str]:
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"site.latitude": 91, "site.longitude": 11.6}, "site.latitude", "allowed is a number from -90 to 90"),
        ({"site.latitude": 48.1, "site.longitude": "east"}, "site.longitude", "allowed is a number from -180 to 180"),
        ({"site.latitude": 48.1}, "site.latitude", "belong together: set both or neither"),
        ({"site.elevation": 9001}, "site.elevation", "allowed is a number of metres from -500 to 9000"),
        ({"site.time_zone": "Mars/Olympus"}, "site.time_zone", "allowed is a name such as Europe/Berlin"),
        ({"site.time_zone": "Europe"}, "site.time_zone", "allowed is a name such as Europe/Berlin"),
        ({"site.horizon": "0:95"}, "site.horizon", "is not a pair of azimuth"),
    ],
)
def test_a_site_that_cannot_be_is_refused_and_changes_nothing(
    changes: dict[str, Any], field: str, message: str, manager: Any
) -> None:
    refused = manager.patch(SETTINGS, changes)
    assert refused.status_code == 400
    assert message in problems(refused)[field]
    assert not StationSetting.objects.exists()
    assert not Event.objects.filter(kind="station.settings").exists()


def test_only_a_manager_sets_the_site(operator: Any) -> None:
    assert operator.patch(SETTINGS, MUNICH).status_code == 403
    assert not StationSetting.objects.exists()


def test_each_changed_key_of_the_site_is_an_event(manager: Any) -> None:
    assert manager.patch(SETTINGS, MUNICH).status_code == 200
    recorded = {event.data["key"]: event.data["new"] for event in Event.objects.filter(kind="station.settings")}
    assert recorded == MUNICH


def test_the_site_is_set_and_shown_by_the_command_line() -> None:
    found = skycam(
        "settings", "site", "--latitude", "-29.26", "--longitude", "-70.73", "--time-zone", "America/Santiago"
    )
    assert found.exit_code == 0
    assert "America/Santiago" in skycam("settings", "site").stdout
    assert station_site().latitude == -29.26
    refused = skycam("settings", "site", "--latitude", "48.1 N")
    assert (refused.exit_code, "allowed is a number from -90 to 90" in refused.stderr) == (2, True)
    skycam("settings", "site", "--unset")
    assert not StationSetting.objects.exists()


def test_a_new_site_is_used_by_pages_commands_and_camera_processes(
    camera: Camera, manager: Any, tmp_path: Path
) -> None:
    ensure_default_root(tmp_path)
    manager.patch(SETTINGS, MUNICH)
    assert station_zone_name() == "Europe/Berlin"
    assert station_site().longitude == 11.6
    assert desired_states(camera.host)[str(camera.pk)].spec(None)["site"]["elevation"] == 520.0


def test_a_host_tells_a_new_site_at_once_and_not_with_the_next_renewal(camera: Camera, manager: Any) -> None:
    lease = HostLease(camera.host)
    lease.hold(0.0)
    manager.patch(SETTINGS, MUNICH)
    lease.hold(1.0)
    assert CameraHost.objects.get(name=camera.host).site["latitude"] == 48.1
    assert sites_of([camera])[camera.pk].time_zone == "Europe/Berlin"


def test_runs_that_have_not_begun_are_planned_again_for_the_new_site(camera: Camera, manager: Any) -> None:
    request = {"name": "Dark", "cameras": [camera.slug], "window": {"begin": "20:00", "end": "05:00"}}
    mary = User.objects.create_user("mary", role="manager")
    HostLease(camera.host).hold(0.0)
    ScheduleService(mary, "mary").add(ScheduleRequest.model_validate(request))
    manager.patch(SETTINGS, {"site.time_zone": "Asia/Kathmandu"})
    HostLease(camera.host).hold(0.0)
    replan()
    begins = [run.begins_at.astimezone(ZoneInfo("Asia/Kathmandu")) for run in PlannedRun.objects.all()]
    assert {f"{at:%H:%M}" for at in begins[1:]} == {"20:00"}


def test_without_a_zone_a_host_tells_that_of_its_machine(camera: Camera) -> None:
    HostLease(camera.host).hold(0.0)
    assert CameraHost.objects.get(name=camera.host).site["time_zone"] == station_zone_name()


@pytest.fixture
def site_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skycam.yaml").write_text("site:\n  latitude: 48.1\n  longitude: 11.6\n")
    found = ConfigManager(tmp_path / "skycam.yaml", environment={"SKYCAM_DATA": str(tmp_path)}, here=tmp_path).config
    changed = settings.STATION.model_copy(update={"site": found.site})
    monkeypatch.setattr(settings, "STATION", changed.with_origin(found.origins, found.fixed, ()))


def test_what_the_file_says_of_the_site_stays_the_files(site_of_the_file: None, manager: Any) -> None:
    refused = manager.patch(SETTINGS, {"site.latitude": 0, "site.longitude": 0})
    assert refused.status_code == 400
    assert "skycam.yaml:2: site.latitude, which overrides what is set here." in problems(refused)["site.latitude"]
    assert manager.patch(SETTINGS, {"site.elevation": 520}).status_code == 200
    assert station_site().latitude == 48.1
    listed = {one["key"]: one for one in manager.get(SETTINGS).json()["results"]}
    assert (listed["site.latitude"]["fixed"], listed["site.elevation"]["origin"]) == (True, "page")


def test_stored_sentences_name_times_by_the_clock_of_the_site(manager: Any) -> None:
    manager.patch(SETTINGS, {"site.time_zone": "Asia/Tokyo"})
    event = Event.objects.get(kind="station.settings")
    assert site_time_text(event.at).endswith(" JST")
