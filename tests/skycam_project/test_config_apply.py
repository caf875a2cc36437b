"""`skycam config apply` and `export`: plan, changes, refusals, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from cameras.editing.services import remove_camera
from cameras.leases import acquire_lease
from cameras.models import Camera
from captures.models import Session
from core.events.models import Event
from core.station_owner import StationOwner
from core.station_settings import StationSetting, site_config
from scheduler.models import PlannedRun, Schedule
from skycam_project.access.models import User
from skycam_project.config import ConfigManager
from skycam_project.config.manager import read_config_file
from skycam_project.provisioning.service import PlanOutdated, Provisioning
from tests.harness.configurations import write
from tests.harness.rows.cameras import add_camera, change_camera
from tests.harness.stations.command_line import answer, run, skycam

pytestmark = pytest.mark.django_db
FILE = """
cameras:
  - id: sky
    type: simulated
    name: All-sky camera
    primary: true
    settings: {exposure_us: 20000, gain: 2.5}
  - {id: dome, type: dslr, address: "3012345", enabled: false}
schedules:
  - name: Dark sky
    cameras: [sky]
    window: {begin: 20:00, end: "05:00"}
    programme: {exposure_us: 8000000, cadence_s: 12}
sensors:
  - {name: roof, type: simulated, label: Roof, settings: {humidity: 40}}
camera_config: {crf: 30}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "skycam.yaml", FILE)


def apply(path: Path, *more: str) -> dict[str, Any]:
    return answer("config", "apply", str(path), "--yes", *more)


def refused(path: Path, *more: str) -> list[str]:
    """The lines of a refusal, with the file's name instead of its path."""
    found = skycam("config", "apply", str(path), "--yes", *more)
    assert found.exit_code == 1
    return [line.removeprefix(f"skycam: {path.parent}/") for line in found.stderr.splitlines()]


def test_a_dry_run_shows_the_plan_and_changes_nothing(file: Path) -> None:
    found = skycam("config", "apply", str(file), "--dry-run")
    assert found.exit_code == 0
    assert "+ camera sky" in found.stdout
    assert "    settings: exposure_us 20000, gain 2.5" in found.stdout
    assert "~ camera_config.crf: " in found.stdout
    assert "+ sensor roof" in found.stdout
    assert "4 to add, 1 to change, 0 to remove." in found.stdout
    assert (Camera.objects.count(), Schedule.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_the_station_is_brought_to_the_file(file: Path) -> None:
    body = apply(file)
    assert body["applied"]
    assert [one["name"] for one in body["cameras"]["added"]] == ["sky", "dome"]
    sky, dome = Camera.objects.order_by("-slug")
    assert (sky.name, sky.kind, sky.primary, sky.enabled) == ("All-sky camera", "simulated", True, True)
    assert sky.settings == {"exposure_us": 20000, "gain": 2.5}
    assert (dome.kind, dome.address, dome.enabled) == ("gphoto2", "3012345", False)
    assert Schedule.objects.get().window == {"begin": "20:00", "end": "05:00"}
    assert StationSetting.objects.get(pk="camera_config.crf").value == 30


def test_schedules_are_planned_and_events_name_who_did_it(file: Path) -> None:
    apply(file)
    assert PlannedRun.objects.filter(name="Dark sky").exists()
    kinds = set(Event.objects.filter(actor__startswith="cli:").values_list("kind", flat=True))
    assert {"camera.added", "schedule.added", "station.settings"} <= kinds


def test_a_schedule_is_found_without_regard_to_case(file: Path) -> None:
    apply(write(file, FILE.replace("Dark sky", "étoiles")))
    apply(write(file, FILE.replace("Dark sky", "ÉTOILES")))
    assert Schedule.objects.get().name == "ÉTOILES"


def test_many_schedules_are_planned_once(file: Path, tmp_path: Path) -> None:
    apply(file)
    one = "  - {name: S%d, cameras: [sky], window: {begin: 20:00, end: '05:00'}}\n"
    few, many = (write(tmp_path / f"{n}.yaml", "schedules:\n" + "".join(one % k for k in range(n))) for n in (2, 9))
    Schedule.objects.all().delete()
    plans = [planned_with(few), planned_with(many)]
    # Each time three: for what the plan is made from, for the plan, and before it is stored.
    assert plans == [6, 6]
    assert PlannedRun.objects.filter(schedule__name="S0").exists()


def planned_with(path: Path) -> int:
    """How often the runs are read while the file is applied: it is planned for the plan, and when it is applied."""
    with CaptureQueriesContext(connection) as queries:
        apply(path)
    beginning = 'SELECT "scheduler_plannedrun"."id"'
    return sum(query["sql"].startswith(beginning) and '"ends_at" >' in query["sql"] for query in queries)


def test_the_same_file_again_has_nothing_to_do(file: Path) -> None:
    apply(file)
    before = Event.objects.count()
    again = apply(file)
    assert (again["applied"], again["cameras"]["unchanged"]) == (False, ["sky", "dome"])
    assert again["schedules"]["unchanged"] == ["Dark sky"]
    assert Event.objects.count() == before
    assert "Nothing to do." in skycam("config", "apply", str(file)).stdout


def test_what_the_file_does_not_name_is_left_alone(file: Path) -> None:
    apply(file)
    change_camera(Camera.objects.get(slug="sky"), {"enabled": False})
    add_camera(slug="lab", kind="simulated")
    body = apply(file)
    assert body["cameras"]["kept"] == ["lab"]
    assert not Camera.objects.get(slug="sky").enabled


def test_a_change_shows_the_old_and_the_new_value(file: Path) -> None:
    apply(file)
    file.write_text(FILE.replace("gain: 2.5", "gain: 3").replace("cadence_s: 12", "cadence_s: 15"))
    body = apply(file)
    [sky], [dark] = body["cameras"]["changed"], body["schedules"]["changed"]
    assert [(one["field"], one["old"]["gain"], one["new"]["gain"]) for one in sky["fields"]] == [("settings", 2.5, 3.0)]
    assert [(one["field"], one["new"]["cadence_s"]) for one in dark["fields"]] == [("programme", 15.0)]


def test_only_prune_removes(file: Path, tmp_path: Path) -> None:
    apply(file)
    less = write(tmp_path / "less.yaml", "cameras: [{id: sky, type: simulated}]\nschedules: []\n")
    assert not apply(less)["applied"]
    body = apply(less, "--prune")
    assert (body["cameras"]["removed"], body["schedules"]["removed"]) == (["dome"], ["Dark sky"])
    assert [camera.slug for camera in Camera.objects.present()] == ["sky"]
    assert not Schedule.objects.exists()


def test_a_list_that_the_file_does_not_have_is_not_pruned(file: Path, tmp_path: Path) -> None:
    apply(file)
    body = apply(write(tmp_path / "less.yaml", "schedules: []\ncameras:\n"), "--prune")
    assert (body["cameras"]["removed"], body["cameras"]["kept"]) == ([], ["dome", "sky"])
    assert body["schedules"]["removed"] == ["Dark sky"]


def test_a_camera_whose_session_runs_is_not_removed(file: Path, tmp_path: Path) -> None:
    apply(file)
    dome = Camera.objects.get(slug="dome")
    Session.objects.create(camera=dome, programme={}, state="running", created_by="anna")
    less = write(tmp_path / "less.yaml", "cameras: [{id: sky, type: simulated}]\nschedules: []\n")
    found = skycam("config", "apply", str(less), "--yes", "--prune")
    assert found.exit_code == 1
    assert "! camera dome cannot be removed now and stays: dome runs a session. Stop it first." in found.stderr
    assert Camera.objects.present().filter(slug="dome").exists()
    assert not Schedule.objects.exists()


def test_a_camera_that_another_user_holds_is_not_removed(file: Path, tmp_path: Path) -> None:
    apply(file)
    acquire_lease(Camera.objects.get(slug="dome"), "anna", for_s=3600)
    less = write(tmp_path / "less.yaml", "cameras: [{id: sky, type: simulated}]\nschedules: []\n")
    found = skycam("config", "apply", str(less), "--yes", "--prune")
    assert found.exit_code == 1
    assert "! camera dome cannot be removed now and stays: dome is held by anna" in found.stderr
    assert Camera.objects.present().filter(slug="dome").exists()
    assert not Schedule.objects.exists()


def test_a_recording_is_requested_and_stopped(file: Path) -> None:
    apply(write(file, FILE.replace("primary: true", "recording: rolling")))
    assert (Camera.objects.get(slug="sky").recording, Camera.objects.get(slug="sky").recording_by[:4]) == (
        "rolling",
        "cli:",
    )
    apply(write(file, FILE.replace("primary: true", "recording: none")))
    assert Camera.objects.get(slug="sky").recording == ""


def test_a_camera_without_a_stream_is_not_recorded(file: Path) -> None:
    apply(file)
    Camera.objects.filter(slug="dome").update(capabilities={"stream": False})
    [line] = refused(write(file, FILE.replace("enabled: false", "recording: manual")))
    assert line.startswith("skycam.yaml:8: cameras.2: dome gives no stream of frames")


def test_another_camera_becomes_the_primary_one(file: Path) -> None:
    apply(file)
    file.write_text(FILE.replace("    primary: true\n", "").replace("enabled: false", "primary: true"))
    body = apply(file)
    assert {one["name"]: one["fields"][0]["new"] for one in body["cameras"]["changed"]} == {"sky": False, "dome": True}
    assert Camera.objects.get(primary=True).slug == "dome"
    assert not apply(file)["applied"]


def test_a_file_without_a_primary_camera_settles_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "skycam.yaml", "cameras: [{id: sky, type: simulated, primary: false, settings: {}}]")
    assert apply(path)["applied"]
    assert not apply(path)["applied"]


def test_a_password_changes_without_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "cameras: [{id: gate, type: network, address: 'rtsp://a:${GATE}@camera.example.org/live'}]"
    path = write(tmp_path / "skycam.yaml", text)
    monkeypatch.setenv("GATE", "hidden-1")
    apply(path)
    monkeypatch.setenv("GATE", "hidden-2")
    found = skycam("config", "apply", str(path), "--yes")
    assert "(its password changes)" in found.stdout
    assert "hidden" not in found.output
    assert Camera.objects.get().full_address == "rtsp://a:hidden-2@camera.example.org/live"


def test_a_stored_password_is_kept(tmp_path: Path) -> None:
    add_camera(slug="gate", kind="network", address="rtsp://a:hidden-1@camera.example.org/live")
    text = "cameras: [{id: gate, type: network, address: 'rtsp://a:***@camera.example.org/other'}]"
    apply(write(tmp_path / "skycam.yaml", text))
    assert Camera.objects.get().full_address == "rtsp://a:hidden-1@camera.example.org/other"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("gain: 2.5", "gain: loud", "skycam.yaml:7: cameras.1.settings.gain: gain: 'loud' is not allowed; allowed is"),
        ("gain: 2.5", "gian: 2", "skycam.yaml:7: cameras.1.settings.gian: gian: There is no such setting."),
        (
            '"3012345"',
            "/dev/ttyUSB0",
            "skycam.yaml:8: cameras.2.address: /dev/ttyUSB0 is a device file, and a DSLR has none.",
        ),
        ("primary: true", "audience: [nobody]", "skycam.yaml:6: cameras.1.audience: There is no user nobody."),
        ("cameras: [sky]", "cameras: [skye]", "skycam.yaml:11: schedules.1.cameras: there is no camera 'skye'."),
        ("20:00", '"25:00"', "skycam.yaml:12: schedules.1.window.begin: "),
        ("cadence_s: 12", "cadence_s: 1", "skycam.yaml:13: schedules.1.programme: cadence_s is shorter"),
        ("cadence_s: 12", "cadense_s: 1", "skycam.yaml:13: schedules.1.programme.cadense_s: "),
        ("crf: 30", "crf: 300", "skycam.yaml:16: camera_config.crf: 300 is not allowed"),
    ],
)
def test_one_wrong_value_changes_nothing(file: Path, old: str, new: str, problem: str) -> None:
    lines = refused(write(file, FILE.replace(old, new)))
    assert len(lines) == 1
    assert lines[0].startswith(problem)
    assert not Camera.objects.exists()
    assert not StationSetting.objects.exists()


def test_the_type_of_a_camera_cannot_change(file: Path) -> None:
    add_camera(slug="sky", kind="opencv", address="/dev/video0")
    assert refused(file)[0].startswith("skycam.yaml:4: cameras.1.type: sky is a camera of the type opencv")


def test_a_camera_held_by_another_is_not_changed(file: Path) -> None:
    apply(file)
    dome = Camera.objects.get(slug="dome")
    Session.objects.create(camera=dome, programme={}, state="running", created_by="anna")
    found = skycam("config", "apply", str(write(file, FILE.replace("3012345", "3012346"))), "--yes")
    assert found.exit_code == 4
    assert "dome" in found.stderr
    assert Camera.objects.get(slug="dome").address == "3012345"


def test_without_a_terminal_a_plan_needs_a_yes(file: Path) -> None:
    found = skycam("config", "apply", str(file))
    assert found.exit_code == 2
    assert "Look at the plan with --dry-run, then add --yes." in found.stderr
    assert not Camera.objects.exists()


def test_a_change_between_plan_and_confirmation_is_noticed(file: Path) -> None:
    provisioning = Provisioning(read_config_file(file), StationOwner(), "cli:root")
    plan = provisioning.plan()
    add_camera(slug="sky", kind="simulated", name="Of another person")
    with pytest.raises(PlanOutdated, match="nothing was applied"):
        provisioning.apply(plan)
    assert Camera.objects.get().name == "Of another person"
    assert not Schedule.objects.exists()


def test_keys_that_are_read_at_the_start_are_named_and_not_stored(file: Path) -> None:
    body = apply(write(file, "supervision: {margin_s: 6.0}\nweb: {secret_key: hidden-1}\n"))
    assert not body["applied"]
    found = {one["field"]: one["new"] for one in body["not_applied"]}
    assert found == {"web.secret_key": "********", "supervision.margin_s": 6.0}
    assert "read when a station starts" in body["not_applied"][0]["message"]
    lines = skycam("config", "apply", str(file)).stderr.splitlines()
    assert [line.partition("): ")[2] for line in lines] == [
        "supervision.margin_s: 5.0 -> 6.0, web.secret_key: ******** -> ********."
    ]


def test_the_site_of_a_file_is_stored_while_the_station_runs(file: Path) -> None:
    body = apply(write(file, "site: {latitude: 48.1, longitude: 11.6}\n"))
    assert body["applied"]
    assert {one["field"] for one in body["settings"]} == {"site.latitude", "site.longitude"}
    assert site_config().latitude == 48.1


def test_a_value_of_the_page_returns_to_that_of_the_stations_file(tmp_path: Path, settings: Settings) -> None:
    own = write(tmp_path / "skycam.yaml", "camera_config: {crf: 25}\n")
    settings.STATION = ConfigManager(own, environment={}, here=tmp_path).config
    answer("config", "set", "camera_config.crf", "20")
    assert apply(own)["settings"] == [{"field": "camera_config.crf", "old": 20, "new": 25}]
    assert not StationSetting.objects.exists()


def test_a_key_of_the_environment_is_not_overridden(tmp_path: Path, settings: Settings) -> None:
    settings.STATION = ConfigManager(environment={"CAMERA_CONFIG__CRF": "21"}, here=tmp_path).config
    [one] = apply(write(tmp_path / "skycam.yaml", "camera_config: {crf: 25}\n"))["not_applied"]
    assert one["message"] == "because environment: CAMERA_CONFIG__CRF overrides what is stored"


def test_an_export_has_everything_and_no_secret(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(file)
    User.objects.create_user("anna", role="viewer")
    add_camera(
        slug="gate-2", kind="network", address="rtsp://a:hid%24den@camera.example.org/live?token=hidden-2",
        name="A ${name}", restricted=True, audience=["anna"],
    )  # fmt: skip
    Camera.objects.filter(slug="gate-2").update(recording="rolling")
    found = skycam("config", "export")
    assert "hid" not in found.output
    assert "set these variables: PASSWORD_2_OF_GATE_2, PASSWORD_OF_GATE_2" in found.stderr
    tree = yaml.safe_load(found.stdout)
    assert [camera["id"] for camera in tree["cameras"]] == ["dome", "gate-2", "sky"]
    assert tree["cameras"][1] == {
        "id": "gate-2",
        "type": "network",
        "address": "rtsp://a:${PASSWORD_OF_GATE_2}@camera.example.org/live?token=${PASSWORD_2_OF_GATE_2}",
        "name": "A $${name}",
        "host": django_settings.STATION.host,
        "enabled": True,
        "primary": False,
        "restricted": True,
        "audience": ["anna"],
        "recording": "rolling",
        "settings": {},
        "keep": ["jpeg"],
        "fits_compression": "none",
    }
    monkeypatch.setenv("PASSWORD_OF_GATE_2", "hid%24den")
    monkeypatch.setenv("PASSWORD_2_OF_GATE_2", "hidden-2")
    assert not apply(write(tmp_path / "exported.yaml", found.stdout))["applied"]


def test_an_export_leaves_out_a_schedule_whose_cameras_were_removed_and_says_so(file: Path, tmp_path: Path) -> None:
    apply(file)
    remove_camera(Camera.objects.get(slug="sky"))
    found = skycam("config", "export")
    assert found.stderr.endswith("Not written, because their cameras were removed: schedule Dark sky\n")
    assert not apply(write(tmp_path / "exported.yaml", found.stdout))["applied"]


def test_an_export_does_not_overwrite_a_file(tmp_path: Path) -> None:
    target = write(tmp_path / "mine.yaml", "mine")
    assert skycam("config", "export", "-o", str(target)).exit_code == 2
    assert target.read_text() == "mine"
    assert answer("config", "export", "-o", str(target), "--force")["path"] == str(target)
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_export_to_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "skycam.yaml"
    found = skycam("config", "export", "-o", str(target))
    assert (found.exit_code, found.stderr) == (1, f"skycam: {target} cannot be written: No such file or directory.\n")


def test_the_first_camera_is_exported_once(tmp_path: Path, settings: Settings) -> None:
    own = write(tmp_path / "skycam.yaml", "camera: {type: dslr, port: 'usb:001,004', exposure_time: 4}\n")
    settings.STATION = ConfigManager(own, environment={}, here=tmp_path).config
    add_camera(slug="dslr", kind="gphoto2", address="usb:001,004")
    tree = yaml.safe_load(answer("config", "export")["yaml"])
    assert tree["camera"] == {"exposure_time": 4.0}
    assert tree["cameras"][0]["address"] == "usb:001,004"


def test_check_names_what_apply_would_refuse(file: Path, tmp_path: Path) -> None:
    path = write(file, FILE.replace("cameras: [sky]", "cameras: []"))
    # In a process of its own: the option sets a variable of the process.
    found = run(tmp_path / "data", "--config", str(path), "config", "check")
    assert found.status == 1
    assert "schedules.1.cameras: [] is not allowed" in found.stderr
