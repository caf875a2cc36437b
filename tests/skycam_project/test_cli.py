"""The command line: its output and its exit statuses."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cameras.leases import acquire_lease
from cameras.models import Camera
from captures.models import Capture, Session
from core.events.models import Event
from skycam_project.access.models import User
from skycam_project.cli.station import Station
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, run, skycam
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db
PROGRAMME = {"exposure_us": 8_000_000, "delay_s": 12.0, "f_number": 1.4}


@pytest.fixture
def camera() -> Camera:
    return add_camera(slug="sim", kind="simulated", name="Simulated")


@pytest.fixture
def session(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, state="running", programme=PROGRAMME, created_by="anna")


def test_an_unknown_argument_is_a_usage_error() -> None:
    assert skycam("dance").exit_code == 2


def test_a_usage_error_is_a_problem_for_programs() -> None:
    assert answer("start", "--exposure", "nan")["type"] == "/problems/invalid"


def test_common_options_may_follow_every_command(camera: Camera) -> None:
    found = skycam("cameras", "list", "--output", "json")
    assert json.loads(found.stdout)["results"][0]["slug"] == "sim"


def test_the_configurations_verbose_is_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCAM_CLI__VERBOSE", "true")
    logging.disable(logging.CRITICAL)
    station = Station()
    assert station.config.cli.verbose
    assert station.verbose is True
    assert logging.root.manager.disable == logging.NOTSET


def test_the_first_camera_is_the_primary_one() -> None:
    assert answer("cameras", "add", "sim", "--kind", "simulated", "--set", "gain=2")["primary"]
    assert Camera.objects.get().settings == {"gain": 2.0}


def test_a_bad_setting_is_named_and_nothing_is_added() -> None:
    found = skycam("cameras", "add", "sim", "--kind", "simulated", "--set", "gain=-1")
    assert found.exit_code == 2
    assert "gain: -1 is not allowed; allowed is a number from 0 to 1000." in found.stderr
    assert not Camera.objects.exists()


def test_a_camera_is_renamed_and_made_primary(camera: Camera) -> None:
    other = add_camera(slug="other", kind="simulated")
    assert skycam("cameras", "set", "other", "--name", "Other", "--primary").exit_code == 0
    other.refresh_from_db()
    assert other.name == "Other"
    assert other.primary is True


def test_the_formats_of_stills_are_set_and_shown(camera: Camera) -> None:
    body = answer("cameras", "set", "sim", "--keep", "fits,jpeg", "--fits-compression", "rice")
    assert (body["keep"], body["fits_compression"]) == (["fits", "jpeg"], "rice")
    assert "fits, jpeg" in skycam("cameras", "show", "sim").stdout


def test_an_unknown_format_is_a_usage_error(camera: Camera) -> None:
    found = skycam("cameras", "set", "sim", "--keep", "gif")
    assert found.exit_code == 2
    assert "There is no format 'gif'. Known are: jpeg, png, tiff, fits." in found.stderr


def test_one_invalid_value_prevents_the_whole_change(camera: Camera) -> None:
    assert skycam("cameras", "set", "sim", "--name", "New", "--set", "iso=many").exit_code == 2
    camera.refresh_from_db()
    assert camera.name == "Simulated"


def test_a_removed_camera_is_not_listed(camera: Camera) -> None:
    assert skycam("cameras", "remove", "sim").exit_code == 0
    assert answer("cameras", "list") == {"results": []}


def test_an_unknown_camera_is_an_error_with_a_hint() -> None:
    found = skycam("connect", "nosuch")
    assert found.exit_code == 2
    assert "skycam cameras list" in found.stderr


def test_detection_reports_every_installed_kind_and_no_other() -> None:
    found = answer("cameras", "detect")
    assert found["hosts"] == ["main"]
    assert "Only this machine was searched." in found["problems"][0]["message"]


@pytest.mark.parametrize("command", [["start", "-e", "1", "-d", "2", "-f", "1.4"], ["stop"], ["capture"], ["connect"]])
def test_a_session_is_held_by_its_starter_and_the_error_says_how_to_take_over(
    command: list[str], session: Session
) -> None:
    found = skycam(*command)
    assert found.exit_code == 4
    assert "sim is held by anna since" in found.stderr
    assert "`skycam take sim --over` takes it over." in found.stderr
    session.refresh_from_db()
    assert session.desired == "running"


@pytest.mark.parametrize("command", [["set", "sim", "--disabled"], ["remove", "sim"]])
def test_the_holder_must_stop_the_session_before_removing_its_camera(command: list[str], session: Session) -> None:
    assert skycam("take", "sim", "--over").exit_code == 0
    found = skycam("cameras", *command)
    assert found.exit_code == 4
    assert "Stop it first. It was started by anna" in found.stderr
    assert Camera.objects.present().get().enabled


def test_a_program_can_read_the_holder(session: Session) -> None:
    problem = answer("stop")
    assert problem["type"] == "/problems/held"
    assert problem["held_by"] == "anna"
    assert problem["session"] == str(session.pk)
    assert problem["since"].endswith("Z")


def test_after_a_take_over_the_session_is_stopped(session: Session) -> None:
    assert skycam("take", "sim", "--over").exit_code == 0
    assert "The request is stored: the session stops" in skycam("stop").stderr


def test_the_error_offers_no_take_over_for_what_a_session_always_forbids(session: Session) -> None:
    skycam("take", "sim", "--over")
    found = skycam("disconnect")
    assert found.exit_code == 4
    assert "Stop it first." in found.stderr
    assert "--over" not in found.stderr


def test_a_camera_that_another_user_has_taken_is_held(camera: Camera) -> None:
    acquire_lease(camera, "anna")
    found = skycam("take")
    assert found.exit_code == 4
    assert "sim is held by anna since" in found.stderr
    assert [skycam(*words).exit_code for words in (["capture"], ["disconnect"], ["release"])] == [4, 4, 4]
    assert skycam("cameras", "set", "sim", "--set", "gain=2").exit_code == 4


def test_a_camera_is_taken_over_for_ten_minutes_and_released(camera: Camera) -> None:
    acquire_lease(camera, "anna")
    taken = answer("take", "sim", "--over")
    lasts = datetime.fromisoformat(taken["until"]) - datetime.fromisoformat(taken["since"])
    assert lasts == pytest.approx(timedelta(seconds=600), abs=timedelta(seconds=PATIENCE_S))
    assert "held by no one" in skycam("release").stdout


def test_a_cadence_shorter_than_the_exposure_is_refused(camera: Camera) -> None:
    found = skycam("start", "-e", "8", "--cadence", "2")
    assert found.exit_code == 2
    assert "--every: 2 s is shorter than the exposure of 8 s." in found.stderr


def test_stopping_without_a_session_is_an_error(camera: Camera) -> None:
    assert skycam("stop").exit_code == 1


def test_the_ledger_shows_reasons_and_its_sum_is_right(session: Session) -> None:
    Capture.objects.create(camera=session.camera, session=session, index=0, status="failed", reason="camera_hung")
    Session.objects.filter(pk=session.pk).update(planned=2, failed=1, skipped=1)
    found = skycam("sessions", "show", str(session.id)).stdout
    assert "camera hung" in found
    assert "2 planned = 0 saved + 1 failed + 1 skipped" in found


def test_the_newest_session_is_shown_by_default(session: Session) -> None:
    assert answer("sessions", "show")["id"] == str(session.id)


def test_a_generated_password_is_shown_once_and_works() -> None:
    password = answer("users", "add", "anna", "--role", "operator")["password"]
    assert User.objects.get(username="anna").check_password(password)
    assert "password" not in answer("users", "list")["results"][0]


def test_a_password_is_in_no_event() -> None:
    skycam("users", "add", "anna", "--role", "viewer", "--password", "correct-horse-7")
    event = Event.objects.get(kind="user.changed")
    assert "correct-horse-7" not in f"{event.message} {event.data}"


def test_the_command_prompts_for_a_missing_password() -> None:
    skycam("users", "add", "anna", "--role", "viewer")
    skycam("users", "set", "anna", "--password", given="correct-horse-7\ncorrect-horse-7\n")
    assert User.objects.get(username="anna").check_password("correct-horse-7")


def test_a_weak_password_is_refused_by_field() -> None:
    problem = answer("users", "add", "anna", "--role", "viewer", "--password", "1234")
    assert problem["errors"][0]["field"] == "password"
    assert not User.objects.exists()


def test_a_manager_who_becomes_a_viewer_loses_the_admin() -> None:
    skycam("users", "add", "boss", "--role", "manager")
    skycam("users", "add", "anna", "--role", "manager")
    skycam("users", "set", "anna", "--role", "viewer")
    anna = User.objects.get(username="anna")
    assert anna.is_staff is False
    assert anna.is_superuser is False


def test_a_removed_user_is_gone_and_reported() -> None:
    skycam("users", "add", "anna", "--role", "viewer")
    assert skycam("users", "remove", "anna").exit_code == 0
    assert Event.objects.filter(message__endswith="removed the user anna.").exists()


def test_a_folder_without_a_station_is_an_error(tmp_path: Path) -> None:
    found = run(tmp_path / "none", "cameras", "list")
    assert found.status == 1
    assert "There is no station in" in found.stderr
    assert not (tmp_path / "none").exists()


def test_a_station_without_a_database_gets_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    found = run(tmp_path / "data", "users", "list")
    assert found.status == 1
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "data" / "skycam.sqlite3").exists()


def test_checking_a_good_configuration_makes_no_station(tmp_path: Path) -> None:
    found = run(tmp_path / "none", "config", "check")
    assert found.status == 0
    assert not (tmp_path / "none").exists()


def test_checking_a_bad_configuration_names_every_problem(tmp_path: Path) -> None:
    (tmp_path / "station.yaml").write_text("web:\n  port: high\nhots: main\n")
    found = run(tmp_path / "data", "--config", str(tmp_path / "station.yaml"), "config", "check")
    assert found.status == 1
    assert "station.yaml:2: web.port" in found.stderr
    assert "station.yaml:3: hots" in found.stderr


def test_a_shown_configuration_redacts_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    found = run(tmp_path / "data", "config", "show", "--output", "json", DJANGO_SECRET_KEY="s" * 40)
    assert json.loads(found.stdout)["web"]["secret_key"] == "********"
    assert "ssss" not in found.stdout


def test_the_configuration_chooses_the_output(tmp_path: Path) -> None:
    found = run(tmp_path / "none", "ps", SKYCAM_CLI__OUTPUT_FORMAT="json")
    assert found.status == 1
    assert "skycam up" in found.stderr + found.stdout


def test_ps_says_that_no_station_runs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    found = run(tmp_path / "data", "--output", "json", "ps")
    assert "skycam up" in json.loads(found.stdout)["detail"]
