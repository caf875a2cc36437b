"""`skycam record`: several cameras at once, the outcome of each, and the exit status."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from cameras.models import Camera
from cameras.runtime.spec import Recorder
from cameras.status import status
from cameras.status.messages import absent_status
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
RECORDER = Recorder(
    state="recording", kind="rolling", by="cli:anna", since="2026-03-01T20:00:00Z", reason="", message="",
    lost_frames=0, holes=2, expected_fps=15.0, actual_fps=14.9, delivered_percent=99.3, free_bytes=10**12, clip="c-1",
    clip_started="2026-03-01T20:05:00Z", frames=900, bytes=12_500_000, mb_per_min=12.5, floor_s=190_000,
)  # fmt: skip
RECORDED = {"clip": "c-1", "recorder": RECORDER}


@pytest.fixture(autouse=True)
def cameras() -> list[Camera]:
    """The primary camera, another one, and one without a stream of frames."""
    made = [add_camera(slug=slug, kind="simulated", primary=slug == "bath") for slug in ("bath", "dome", "dslr")]
    Camera.objects.filter(slug="dslr").update(capabilities={"stream": False})
    return made


def desired() -> dict[str, str]:
    return dict(Camera.objects.values_list("slug", "recording"))


def test_the_primary_camera_is_recorded_by_default(empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, {"record": RECORDED}):
        found = answer("record", "start")
    assert [(one["camera"], one["recording"]) for one in found["results"]] == [("bath", True)]
    assert desired() == {"bath": "rolling", "dome": "", "dslr": ""}


def test_all_means_cameras_that_give_frames(empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, {"record": RECORDED}):
        ran = skycam("record", "start", "--all", "--kind", "manual")
    assert ran.exit_code == 0
    assert desired() == {"bath": "manual", "dome": "manual", "dslr": ""}


def test_all_recordings_are_stopped(empty_broker: redis.Redis) -> None:
    Camera.objects.filter(slug="dome").update(recording="rolling")
    with camera_host(empty_broker, {"record": {"clip": "c-1", "recorder": None}}) as commands:
        found = answer("record", "stop", "--all")
    assert [one["camera"] for one in found["results"]] == ["dome"]
    assert len(commands) == 1
    assert set(desired().values()) == {""}


def test_a_camera_that_fails_does_not_stop_the_others(empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, {"record": RECORDED}):
        ran = skycam("--output", "json", "record", "start", "dslr", "dome")
    found = json.loads(ran.stdout)
    assert ran.exit_code == 2
    assert found["results"][0]["camera"] == "dome"
    assert found["problems"][0]["camera"] == "dslr"
    assert found["problems"][0]["type"] == "/problems/invalid"


def test_a_start_that_could_not_be_sent_is_stored_and_reported(empty_broker: redis.Redis) -> None:
    ran = skycam("record", "start", "dome")
    assert ran.exit_code == 3
    assert desired()["dome"] == "rolling"
    assert "dome starts recording as soon as it can; the request is stored" in ran.stderr


def test_names_and_all_exclude_each_other() -> None:
    assert skycam("record", "stop", "dome", "--all").exit_code == 2


def test_status_shows_what_is_recorded_since_when_and_how_long_the_disk_lasts(empty_broker: redis.Redis) -> None:
    Camera.objects.filter(slug="dome").update(recording="rolling")
    changes = {"observed": "ready", "recording": True, "recorder": RECORDER}
    status.write_status(empty_broker, absent_status("dome", "connected", "") | changes)
    shown = " ".join(skycam("record", "status").stdout.split())
    assert "bath is not recording." in shown
    assert "dome is recording (rolling, started by cli:anna)." in shown
    assert "holes 2 rate 14.9 of 15 frames per second" in shown
    assert "frames 900 size 12.5 MB grows 12.5 MB/min disk full in 2 d 4 h" in shown


def test_the_recording_status_is_unknown_while_the_host_is_down(empty_broker: redis.Redis) -> None:
    Camera.objects.filter(slug="dome").update(recording="rolling")
    [found] = answer("record", "status", "dome")["results"]
    assert found["desired"] == "rolling"
    assert found["recording"] is False
    assert found["recorder"] is None
    assert "its state is unknown" in skycam("record", "status", "dome").stdout


STATES = [
    ({}, "dome: recording since 2026-03-01 20:00:00 UTC"),
    ({"lost_frames": 3}, "dome: recording since 2026-03-01 20:00:00 UTC, 3 frames lost"),
    ({"delivered_percent": 31.3}, "dome: recording since 2026-03-01 20:00:00 UTC, 31 % of its set rate"),
    ({"state": "failing", "message": "The disk is full."}, "dome: not recording: The disk is full."),
    ({"state": "waiting"}, "dome: not recording: it waits for frames."),
]


@pytest.mark.parametrize(("recorder", "line"), STATES)
def test_the_stations_status_shows_the_state_of_a_recording(
    recorder: dict[str, Any], line: str, empty_broker: redis.Redis
) -> None:
    changes: Any = {"recorder": {**RECORDER, **recorder}}
    status.write_status(empty_broker, absent_status("dome", "connected", "") | changes)
    assert line in skycam("--utc", "status").stdout.splitlines()
