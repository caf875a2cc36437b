"""Commands and status over a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from django.conf import settings

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from cameras.supervision.status_publisher import with_login
from captures.models import Capture
from core.broker.hiredis_client import BrokerDown
from core.events.service import raise_alert
from skycam_project.access.models import User
from skycam_project.cli.diagnostics import STATION, run_checks
from skycam_project.cli.station import Station as CliStation
from skycam_project.cli.status import read_status, visible_to
from skycam_project.config import load_config
from skycam_project.config.folder import renew_broker_password
from tests.harness.far_ends.camera_host import camera_host, configured
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.broker import station_broker
from tests.harness.stations.command_line import answer, run, skycam
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db
READY = absent_status("sim", "connected") | {"observed": "ready", "reason": ""}


@pytest.fixture(autouse=True)
def patient_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the broker may take longer than the second that it has."""
    monkeypatch.setattr("core.broker.hiredis_client.TIMEOUT_S", PATIENCE_S)


def key(*parts: str) -> str:
    return ":".join((settings.STATION.station.id, *parts))


def test_status_leaves_out_hidden_cameras(empty_broker: redis.Redis, sim: Camera) -> None:
    hidden = add_camera(slug="attic", kind="simulated", restricted=True)
    raise_alert("camera.unreachable:attic", "attic cannot be opened.", camera=hidden)
    raise_alert("storage.unmounted:1", "The storage root is not mounted.", camera=None)
    [status.write_status(empty_broker, {**READY, "camera": slug}) for slug in ("sim", "attic")]
    alerts = [{"key": key, "message": "."} for key in ("camera.unreachable:attic", "storage.unmounted:1")]
    empty_broker.set(key("alerts"), json.dumps(alerts))
    found = visible_to(User.objects.create_user("ben", role="operator"), read_status(CliStation()))
    assert [one["camera"] for one in found["cameras"]] == ["sim"]
    assert [one["key"] for one in found["alerts"]] == ["storage.unmounted:1"]


def test_status_shows_hosts_cameras_and_alerts(empty_broker: redis.Redis) -> None:
    status.write_status(empty_broker, READY)
    empty_broker.set(key("host", "main"), json.dumps({"host": "main", "at": "2026-03-01T20:00:00Z"}))
    empty_broker.set(key("name"), "Roof")
    empty_broker.set(key("alerts"), json.dumps([{"key": "disk", "severity": "warning", "message": "Little room."}]))
    found = answer("status")
    assert found["station"] == settings.STATION.station.id
    assert found["name"] == "Roof"
    assert found["hosts"] == [{"host": "main", "at": "2026-03-01T20:00:00Z"}]
    assert found["cameras"] == [READY]
    assert found["alerts"][0]["key"] == "disk"


def test_the_cameras_of_a_host_that_ended_are_down(empty_broker: redis.Redis) -> None:
    status.write_known_cameras(empty_broker, "main", [READY])
    assert answer("status")["cameras"] == [absent_status("sim", "connected")]


def test_another_stations_cameras_are_not_shown(empty_broker: redis.Redis) -> None:
    empty_broker.hset("other:status:sim", mapping={"camera": '"sim"'})
    assert answer("status")["cameras"] == []


def test_status_for_people_escapes_texts_of_cameras(empty_broker: redis.Redis) -> None:
    status.write_status(empty_broker, READY | {"reason": "[bold]\x1b[31mred"})
    shown = skycam("status").stdout
    assert "[bold]" in shown
    assert "\x1b" not in shown


def publish_zone(broker: redis.Redis) -> None:
    broker.set(key("host", "main"), json.dumps({"host": "main", "time_zone": "Asia/Tokyo"}))


def test_status_shows_times_by_the_zone_that_the_host_publishes_and_the_schedule_that_runs(
    empty_broker: redis.Redis,
) -> None:
    publish_zone(empty_broker)
    held = {"held_by": "anna", "held_since": "2026-11-26T15:02:00.000Z", "held_schedule": "Twilight"}
    status.write_status(empty_broker, {**READY, **held})  # type: ignore[typeddict-item]
    assert "schedule Twilight since 2026-11-27 00:02:00 JST" in skycam("status").stdout
    assert "schedule Twilight since 2026-11-26 15:02:00 UTC" in skycam("status", "--utc").stdout


def test_status_for_people_needs_no_django_either(empty_broker: redis.Redis) -> None:
    publish_zone(empty_broker)
    held = {"held_by": "anna", "held_since": "2026-11-26T15:02:00.000Z", "held_schedule": None}
    status.write_status(empty_broker, {**READY, **held})  # type: ignore[typeddict-item]
    found = run(settings.STATION.data, "--verbose", "status", PYTHONPROFILEIMPORTTIME="1")
    assert "held by anna since 2026-11-27 00:02:00 JST" in found.stdout
    assert "django" not in found.stderr


def test_status_needs_no_django(empty_broker: redis.Redis) -> None:
    found = run(settings.STATION.data, "--verbose", "status", "--output", "json", PYTHONPROFILEIMPORTTIME="1")
    assert found.status == 0
    assert "django" not in found.stderr
    assert "| redis" not in found.stderr.replace(" ", "")


def test_a_camera_whose_host_is_down_is_not_reachable(empty_broker: redis.Redis, sim: Camera) -> None:
    found = skycam("capture", "-e", "0.01")
    assert found.exit_code == 3
    assert "The camera host 'main' does not answer" in found.stderr
    assert Capture.objects.get().reason == "host_down"


def test_connecting_shows_what_was_reached(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, {"reconcile": READY}) as commands:
        assert answer("connect")["observed"] == "ready"
    assert [command["order"] for command in commands] == ["reconcile"]


def test_a_camera_that_does_not_connect_is_not_reachable(empty_broker: redis.Redis, sim: Camera) -> None:
    body = READY | {"observed": "quarantined", "reason": "Its cable is out."}
    with camera_host(empty_broker, {"reconcile": body}):
        found = skycam("connect")
    assert found.exit_code == 3
    assert "Its cable is out." in found.stderr


def test_a_busy_camera_is_held(empty_broker: redis.Redis, sim: Camera) -> None:
    refusal = {"ok": False, "problem": "busy", "detail": "It exposes until 20:00:08Z."}
    with camera_host(empty_broker, {"start": refusal}):
        found = skycam("start", "-e", "1")
    assert found.exit_code == 4
    assert "It exposes until" in found.stderr


def test_settings_are_applied_and_the_cameras_warnings_are_shown(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, configured(actual={"iso": 800}, warnings=["ISO 801 is 800 here."])):
        found = skycam("cameras", "set", "sim", "--set", "iso=801")
    assert found.exit_code == 0
    assert "ISO 801 is 800 here." in found.stderr


def test_doctor_notes_a_broker_that_gives_cameras_the_stations_credentials(
    empty_broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", with_login(settings.STATION.redis_url, "me", "a-long-password"))
    assert checked_broker(empty_broker, "+@all") == ["It answers."]
    *_, note = checked_broker(empty_broker, "+@all", "-acl")
    assert "so camera processes use the station's own credentials" in note


def checked_broker(server: redis.Redis, *commands: str) -> list[str]:
    """What doctor says of a broker whose user `me` may run these commands."""
    server.acl_setuser("me", True, passwords=["+a-long-password"], keys="*", channels="*", commands=list(commands))
    return [found.detail for found in run_checks({"broker": STATION["broker"]}, CliStation())]


def test_watching_continues_after_a_new_broker_password(
    empty_broker: redis.Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SKYCAM_CONFIG")
    config = load_config()
    station = CliStation()
    with station_broker(station.config):
        assert read_status(station)["hosts"] == []
    renew_broker_password(config.data)
    with station_broker(load_config()):
        with pytest.raises(BrokerDown):
            read_status(station)
        assert read_status(station)["hosts"] == []
