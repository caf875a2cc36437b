"""A whole station and many callers at once: in order or 409, desired states that last, cameras added and removed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.kills.faults import kill, stopped
from tests.harness.runs.tiers import further
from tests.harness.stations.http_client import Answer
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

CALLERS = 20


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("commands") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        yield station
    finally:
        station.ensure_stopped()


def at_once(call: Callable[[], Answer], times: int = CALLERS) -> list[Answer]:
    with ThreadPoolExecutor(times) as callers:
        return [future.result() for future in [callers.submit(call) for _ in range(times)]]


def saved_in(station: Station, session: str) -> int:
    return int(station.api.get(f"sessions/{session}/")["saved"])


def stop_session(station: Station, session: str, camera: str = "simulated") -> None:
    """Stop it, and wait until it has stopped: on a busy machine that may come after the answer."""
    station.api.post(f"cameras/{camera}/stop/")
    eventually(lambda: station.api.get(f"sessions/{session}/")["state"] == "stopped", "the session has stopped")


def covered(station: Station, session: str) -> int:
    return station.database.count("captures_capture WHERE session_id = ?", session.replace("-", ""))


def test_a_stopped_session_does_not_resume_with_the_next_process(station: Station) -> None:
    session = station.cameras.start_session(cadence_s=0.1)
    eventually(lambda: saved_in(station, session) >= 2, "the session runs")
    pid = station.cameras.pid()
    stop_session(station, session)
    station.spools.eventually_settled()
    before = covered(station, session)
    os.kill(pid, signal.SIGKILL)
    station.cameras.pid(other_than=pid)
    eventually(lambda: station.cameras.capture().status == 201, "the camera is back")
    eventually(lambda: station.api.get("cameras/simulated/status/")["session"] is None, "the status of the new process")
    assert covered(station, session) == before


def test_a_session_stopped_in_the_middle_of_an_exposure_counts_it_once(station: Station) -> None:
    session = station.cameras.start_session(exposure_us=1_000_000, cadence_s=1)
    eventually(lambda: saved_in(station, session) >= 1, "the first exposure")
    eventually(lambda: station.api.get("cameras/simulated/status/")["observed"] == "busy", "another exposure")
    stop_session(station, session)
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []


@pytest.mark.promise("captures")
def test_twenty_captures_at_once_are_all_saved_one_after_the_other(station: Station) -> None:
    answers = at_once(station.cameras.capture)
    assert {answer.status for answer in answers} <= {201, 202}
    station.spools.eventually_settled()
    assert {station.database.status_of(answer.body["id"]) for answer in answers} == {("saved", "")}


@pytest.mark.promise("captures")
def test_of_two_sessions_started_at_once_one_is_refused_as_held(station: Station) -> None:
    answers = at_once(
        lambda: station.api.post("cameras/simulated/start/", {"exposure_us": 1000, "cadence_s": 1}), times=2
    )
    assert sorted(answer.status for answer in answers) == [201, 409]
    refused = next(answer.body for answer in answers if answer.status == 409)
    assert refused["type"] == "/problems/held"
    assert refused["held_by"] == "admin"
    stop_session(station, next(answer.body["id"] for answer in answers if answer.status == 201))


def disconnect(station: Station) -> None:
    station.api.post("cameras/simulated/disconnect/")
    eventually(lambda: station.cameras.observed() == "disconnected", "it is disconnected")


def connect(station: Station) -> None:
    station.api.post("cameras/simulated/connect/")
    station.cameras.eventually_ready()


def test_captures_during_connects_and_disconnects_each_have_an_outcome(station: Station) -> None:
    with ThreadPoolExecutor(1) as beside:
        capturing = beside.submit(at_once, lambda: station.cameras.capture(exposure_us=50_000))
        for _ in range(3):
            disconnect(station)
            connect(station)
        answers = capturing.result()
    assert {answer.status for answer in answers} <= {201, 202, 502, 503}
    station.spools.eventually_settled()
    assert station.cameras.saved_capture()["status"] == "saved"


def test_a_disconnected_camera_stays_so_across_a_restart_and_its_error_names_the_command(station: Station) -> None:
    disconnect(station)
    kill(station, "all")
    eventually(lambda: station.cameras.observed() == "disconnected", "disconnected")
    refused = station.cameras.capture()
    assert refused.status == 503
    assert refused.body["type"] == "/problems/camera-not-reachable"
    assert "skycam connect simulated" in refused.body["detail"]
    assert station.cameras.pids() == {}
    connect(station)


def state_in_its_process(station: Station) -> str:
    return str((station.api.get("cameras/simulated/status/")["session"] or {}).get("state"))


@pytest.mark.parametrize("target", ["all", *further("camera")])
def test_a_pause_outlives_kill_9(station: Station, target: str) -> None:
    session = station.cameras.start_session(cadence_s=0.25)
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= 2, "two captures")
    assert station.api.post(f"sessions/{session}/pause/").status == 200
    eventually(lambda: station.api.get(f"sessions/{session}/")["state"] == "paused", "the pause")
    saved, pid = station.api.get(f"sessions/{session}/")["saved"], station.cameras.pid()

    kill(station, target)
    station.cameras.pid(other_than=pid)
    station.cameras.eventually_ready()
    eventually(lambda: state_in_its_process(station) == "paused", "its process knows the pause")
    assert station.api.get(f"sessions/{session}/")["saved"] == saved
    assert station.cameras.saved_capture()["status"] == "saved"

    assert station.api.post(f"sessions/{session}/resume/").status == 200
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= saved + 2, "it goes on")
    station.api.post(f"sessions/{session}/stop/")
    station.spools.eventually_settled()
    found = station.api.get(f"sessions/{session}/")
    reasons = [gap["reason"] for gap in found["gaps"] if gap["reason"] != "overrun"]  # of a busy machine
    assert reasons == ["vetoed"]
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"]
    assert station.spools.inconsistencies() == []


def actual_size(station: Station) -> tuple[int, int]:
    actual = station.api.get("cameras/simulated/settings/?refresh=1")["actual"]
    return actual["width"], actual["height"]


def test_a_changed_setting_is_applied_read_back_and_kept_by_the_next_process(station: Station) -> None:
    station.api.call("PATCH", "cameras/simulated/settings/", {"width": 640, "height": 480})
    eventually(lambda: actual_size(station) == (640, 480), "the changed size")
    pid = station.cameras.pid()
    os.kill(pid, signal.SIGKILL)
    station.cameras.pid(other_than=pid)
    taken = eventually(lambda: (answer := station.cameras.capture()).status == 201 and answer, "a capture")
    assert taken.body["width"] == 640
    assert taken.body["height"] == 480
    eventually(lambda: actual_size(station) == (640, 480), "the changed size")


def test_concurrent_changes_of_settings_end_as_the_row_has_them(station: Station) -> None:
    gains = iter(range(1, 11))
    at_once(lambda: station.api.call("PATCH", "cameras/simulated/settings/", {"gain": float(next(gains))}), times=10)
    desired = station.api.get("cameras/simulated/settings/")["desired"]["gain"]
    eventually(
        lambda: station.api.get("cameras/simulated/settings/?refresh=1")["actual"]["gain"] == desired,
        "the desired gain",
    )


def test_a_camera_removed_with_records_under_way_empties_its_spool_and_its_slug_is_free(station: Station) -> None:
    assert station.api.post("cameras/", {"slug": "second", "kind": "simulated"}).status == 201
    station.cameras.eventually_ready("second")
    session = station.cameras.start_session("second", cadence_s=0.1)
    eventually(lambda: saved_in(station, session) >= 2, "the session runs")
    with station.database.locked():
        eventually(lambda: len(station.spools.files()) > 5, "records wait in the spool")
    refused = station.api.call("DELETE", "cameras/second/")
    assert refused.status == 409
    assert "Stop it first." in refused.body["detail"]
    station.api.post("cameras/second/stop/")
    eventually(lambda: station.api.call("DELETE", "cameras/second/").status == 204, "its session is over")
    assert station.api.post("cameras/", {"slug": "second", "kind": "simulated"}).status == 201
    station.cameras.eventually_ready("second")
    station.spools.eventually_settled()
    ended = "SELECT state FROM captures_session WHERE id = ?"
    eventually(
        lambda: station.database.rows(ended, session.replace("-", "")) == [("stopped",)], "the end of its session"
    )
    assert station.cameras.saved_capture("second")["status"] == "saved"


DELIVER = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import django
django.setup()
from core.broker import broker
from cameras.commands import control
from cameras.commands.messages import CommandMessage
from cameras.models import Camera
from captures.models import Capture
camera = Camera.objects.get(slug="simulated", removed_at=None)
deadline_ms = broker.time_ms(broker.connection()) + int(sys.argv[2])
capture = Capture.objects.create(camera=camera, asked={"exposure_us": 1000}, deadline_ms=deadline_ms)
arguments = {"id": str(capture.id), "planned": capture.planned_at.isoformat(), "asked": capture.asked}
command = CommandMessage(command_id=str(capture.id), camera=str(camera.id), slug=camera.slug, order="capture",
                         arguments=arguments, deadline_ms=deadline_ms)
for _ in range(int(sys.argv[1])):
    control.push_command(camera.host, command)
print(capture.id)
"""


@pytest.mark.parametrize("times", [2, *further(1, 5)])
def test_a_capture_is_exposed_once_however_often_its_command_is_delivered(station: Station, times: int) -> None:
    capture = station.run("-c", DELIVER, str(times), str(round(PATIENCE_S * 1000))).strip()
    eventually(lambda: station.database.status_of(capture) == ("saved", ""), "the capture")
    station.spools.eventually_settled()
    assert len(list(station.config.storage_root.rglob(f"*{capture}*"))) == 1
    assert station.database.count("captures_capturefile WHERE capture_id = ?", capture.replace("-", "")) == 1


def test_a_capture_whose_command_was_lost_ends_as_not_started_soon_after_its_deadline(station: Station) -> None:
    capture = station.run("-c", DELIVER, "0", "500").strip()
    eventually(lambda: station.database.status_of(capture) == ("failed", "not_started"), "the outcome")


def test_a_capture_delivered_after_its_deadline_is_not_exposed(station: Station) -> None:
    with stopped(station.pid_of_running("cameras")):
        capture = station.run("-c", DELIVER, "1", "0").strip()
    eventually(lambda: station.database.status_of(capture) == ("failed", "not_started"), "the outcome")
    station.cameras.eventually_ready()
    assert not list(station.config.storage_root.rglob(f"*{capture}*"))


def test_after_all_commands_the_ledger_adds_up(station: Station) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []


def test_a_session_can_be_started_on_a_camera_that_was_just_added(station: Station) -> None:
    added = station.api.post("cameras/", {"slug": "fresh", "kind": "simulated"})
    started = station.api.post("cameras/fresh/start/", {"exposure_us": 1000, "delay_s": 0.1, "count": 2})
    assert added.status == 201
    assert started.status == 201
    eventually(lambda: station.api.get(f"sessions/{started.body['id']}/")["state"] == "finished", "two captures")
