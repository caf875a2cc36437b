"""Recording on a whole station: started by a program, resumed after a kill, with stills, below the floor."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captures.thumbnails.store import SIZES
from tests.harness.camera_processes.recorded_clips import numbers
from tests.harness.documents.pages import blocks
from tests.harness.kills.faults import kill
from tests.harness.kills.recording_kills import is_complete
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

PAGE = "docs/operating/recording.md"
PRINT_RESULTS = """
import json
while picture is None:  # none has come in time on a busy machine
    picture = service.get_live_frame("simulated")
print(json.dumps({
    "found": isinstance(found, list), "started": started, "health": health,
    "picture": picture[:2] == bytes([0xff, 0xd8]), "stopped": stopped,
    "again": service.stop_recording("simulated"), "missing": service.start_recording("nobody"),
}))
"""
CAMERA = "cameras/simulated/"
FAILED = "recording.failed:simulated"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("recording") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", f"{CAMERA}settings/", {"scene": "chart", "width": 320, "height": 240})
        yield station
    finally:
        station.ensure_stopped()


def recorder(station: Station) -> dict[str, Any]:
    return dict(station.api.get(f"{CAMERA}status/").get("recorder") or {})


def grows(station: Station, beside: str = "", frames: int = 10) -> str:
    """The id of the growing clip, other than `beside`, once it has this many frames."""

    def found() -> str:
        status = recorder(station)
        return str(status["clip"]) if status.get("frames", 0) >= frames and status["clip"] != beside else ""

    return str(eventually(found, lambda: f"a clip grows: {recorder(station)}"))


@pytest.fixture
def clip(station: Station) -> Iterator[str]:
    """The camera records; the id of the growing clip."""
    answer = station.api.post(f"{CAMERA}record/")
    assert answer.status in {200, 503}, answer  # 503 where a busy machine has no frame in time
    yield grows(station)
    assert station.api.post(f"{CAMERA}stop-recording/").status == 200
    station.spools.eventually_settled()


def row_of(station: Station, clip: str) -> dict[str, Any]:
    """The clip's row, once it exists."""
    names = ("path", "frames", "lost_frames", "interrupted", "requested_by", "kind")
    question = f"SELECT {', '.join(names)} FROM captures_clip WHERE id = ?"
    [row] = eventually(lambda: station.database.rows(question, clip.replace("-", "")), "its row")
    return dict(zip(names, row, strict=True))


def test_the_django_program_of_the_document_records_watches_and_stops(station: Station) -> None:
    script = "\n".join([*blocks(PAGE, "python"), PRINT_RESULTS])
    results = json.loads(station.run("manage.py", "shell", "--no-imports", "-c", script))
    assert results["found"] is True
    assert results["started"] is True
    assert results["stopped"] is True
    assert results["picture"] is True
    assert results["again"] is False
    assert results["missing"] is False
    assert results["health"]["storage"] is True
    assert results["health"]["free_disk_space_gb"] > 0
    assert results["health"]["active_cameras"] == ["simulated"]
    assert results["health"]["recording"] == ["simulated"]


@pytest.mark.parametrize("target", [pytest.param("camera", marks=pytest.mark.promise("recording")), "worker"])
def test_recording_resumes_by_itself_after_a_kill(station: Station, clip: str, target: str) -> None:
    kill(station, target)
    after = grows(station, beside=clip)
    cut = row_of(station, clip)
    assert cut["lost_frames"] == (None if cut["interrupted"] else 0)
    assert cut["requested_by"] == "admin"
    assert cut["interrupted"] or target == "worker"
    assert is_complete(numbers([station.config.storage_root / cut["path"]]))
    eventually(lambda: recorder(station).get("by") == "admin", lambda: recorder(station))
    assert after != clip


@pytest.mark.promise("recording")
def test_a_clip_has_its_poster_before_anyone_watches(station: Station, clip: str) -> None:
    station.api.post(f"{CAMERA}stop-recording/")
    wait_for_poster(station, clip)


def test_a_clip_that_ended_while_the_jobs_part_was_away_has_its_poster(station: Station, clip: str) -> None:
    kill(station, "jobs")
    station.api.post(f"{CAMERA}stop-recording/")
    wait_for_poster(station, clip)


def wait_for_poster(station: Station, clip: str) -> None:
    row_of(station, clip)
    sha256 = station.api.get(f"clips/{clip}/")["sha256"]
    rendered = station.config.storage_root / ".thumbnails" / sha256[:2]
    eventually(lambda: len(list(rendered.glob(f"{sha256}-*.jpg"))) == len(SIZES), "the poster")


def test_stills_and_a_session_use_the_sensor_and_lose_no_other_frame(station: Station, clip: str) -> None:
    session = station.cameras.start_session(exposure_us=400_000, cadence_s=1.0, count=4)
    eventually(lambda: station.api.get(f"sessions/{session}/")["state"] == "finished", "the session")
    assert station.cameras.saved_capture()["status"] == "saved"
    station.api.post(f"{CAMERA}stop-recording/")
    row = row_of(station, clip)
    shown = numbers([station.config.storage_root / row["path"]])
    assert row["lost_frames"] == 0
    assert row["interrupted"] == 0
    assert len(shown) == row["frames"]
    assert is_complete(shown)


def test_a_long_exposure_ends_the_clip_and_the_next_one_follows(station: Station, clip: str) -> None:
    assert station.cameras.capture(exposure_us=6_000_000).status in {201, 202}
    after = grows(station, beside=clip)
    first = row_of(station, clip)
    assert first["lost_frames"] == 0
    assert first["interrupted"] == 0
    eventually(lambda: recorder(station).get("lost_frames") == 0, lambda: recorder(station))
    assert after != clip


def test_a_desired_recording_is_kept_while_the_camera_is_disconnected(station: Station) -> None:
    station.api.post(f"{CAMERA}disconnect/")
    answer = station.api.post(f"{CAMERA}record/")
    eventually(lambda: recorder(station).get("message") == "It is disconnected.", "the recorder reports it")
    assert answer.status == 503
    assert answer.body["type"] == "/problems/camera-not-reachable"
    assert answer.body["detail"].endswith("simulated starts recording as soon as it can; the request is stored.")
    station.api.post(f"{CAMERA}connect/")
    assert grows(station)
    assert station.api.post(f"{CAMERA}stop-recording/").body["recorder"] is None


def test_after_all_recordings_the_ledger_adds_up(station: Station) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Station]:
    """A station whose disk is always below its floor."""
    floors = {"CAMERA_CONFIG__HARD_FLOOR_GB": "1000000", "CAMERA_CONFIG__SOFT_FLOOR_GB": "1000000"}
    station = Station(tmp_path / "data", **floors, **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


def open_alerts(station: Station) -> list[str]:
    return [alert["key"] for alert in station.api.get("alerts/?state=open")["results"]]


def test_at_the_floor_nothing_is_recorded_with_an_alert_until_it_is_stopped(full: Station) -> None:
    answer = full.api.post(f"{CAMERA}record/")
    assert answer.status == 507
    assert answer.body["type"] == "/problems/disk-full"
    assert "Free some space." in answer.body["detail"]
    eventually(lambda: recorder(full).get("state") == "failing", "the recorder reports it")
    eventually(lambda: FAILED in open_alerts(full), "the alert")
    assert full.cameras.saved_capture()["status"] == "saved"
    os.kill(full.cameras.pid(), signal.SIGKILL)
    assert full.api.post(f"{CAMERA}stop-recording/").status in {200, 503}
    eventually(lambda: FAILED not in open_alerts(full), "the alert is over")
