"""Cameras that hang, crash, and crash again, on a whole station: the ladder, and the session that goes on."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator

import pytest

from tests.harness.kills.faults import stopped
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

LADDER = ["abort", "reconnect", "kill"]
MARGIN_S = "2"
"""Shorter than usual, since these tests wait for it. An exposure of a busy machine must still keep it."""
CRASHES = 3
SOONER_THAN_ITS_DEADLINE_S = 20
"""A capture that was sent and not begun fails at its deadline anyway: after 30 s."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    patience = {"SKYCAM_SUPERVISION__CRASH_LOOP_EXITS": str(CRASHES), "SKYCAM_SUPERVISION__HEALTHY_S": "8"}
    data = tmp_path_factory.mktemp("hangs") / "data"
    station = Station(data, SKYCAM_SUPERVISION__MARGIN_S=MARGIN_S, **patience)
    try:
        station.up()
        station.cameras.eventually_ready()
        yield station
    finally:
        station.ensure_stopped()


def exposing(station: Station, camera: str = "simulated", **settings: object) -> str:
    """Id of a capture whose shutter is open now."""
    capture = station.api.post(f"cameras/{camera}/capture/", settings, Prefer="respond-async").body["id"]
    plan = station.config.storage_root / ".spool"
    eventually(lambda: list(plan.glob(f"*/{capture}.plan")), "the plan of the capture")
    return str(capture)


def eventually_ends(station: Station, capture: str, within_s: float = 60) -> tuple[str, str]:
    eventually(lambda: station.database.status_of(capture)[0] != "planned", "the outcome of the capture")
    return station.database.status_of(capture)


def steps(station: Station, camera: str) -> list[str]:
    return [event["step"] for event in station.database.events("camera.ladder", camera)]


def test_a_stopped_camera_process_gets_every_recovery_step_and_the_next_capture_works(station: Station) -> None:
    capture = exposing(station, exposure_us=2_000_000)
    with stopped(station.cameras.pid()):
        outcome = eventually_ends(station, capture)
    found = steps(station, "simulated")
    assert outcome == ("failed", "camera_hung")
    assert LADDER in [found[at : at + 3] for at in range(len(found))]
    assert station.cameras.saved_capture()["status"] == "saved"


def test_a_crash_is_the_reason_of_the_capture_that_it_ended(station: Station) -> None:
    station.cameras.eventually_ready()
    capture = exposing(station, exposure_us=10_000_000)
    os.kill(station.cameras.pid(), signal.SIGSEGV)
    assert eventually_ends(station, capture) == ("failed", "camera_crashed")
    assert station.database.events("part.restarted")[-1]["reason"] == "killed by SIGSEGV"


def crash(station: Station, times: int) -> int:
    """Crash the process of the simulated camera `times` times; returns the pid of the next process."""
    for _ in range(times):
        pid = station.cameras.pid()
        os.kill(pid, signal.SIGSEGV)
        eventually(lambda pid=pid: station.cameras.pids().get("simulated") != pid, "the crash")
    return station.cameras.pid()


def crash_until_quarantined(station: Station) -> None:
    os.kill(crash(station, times=CRASHES - 1), signal.SIGSEGV)
    eventually(lambda: station.cameras.observed() == "quarantined", "quarantine")


def wait_until_healthy(station: Station) -> None:
    """An earlier test may have left a capture that still runs: the camera is busy until its end."""
    connect = functools.partial(station.api.post, "cameras/simulated/connect/")
    eventually(lambda: connect().body["observed"] == "ready", "the camera is ready")


def open_alerts(station: Station) -> list[tuple[str, ...]]:
    return station.database.rows("SELECT key FROM monitoring_alert WHERE state = 'open'")


def test_a_crash_loop_ends_in_quarantine_with_an_alert_and_connect_ends_that(station: Station) -> None:
    wait_until_healthy(station)
    crash_until_quarantined(station)
    eventually(lambda: open_alerts(station) == [("camera.quarantined:simulated",)], "the alert")
    refused = station.cameras.capture()
    assert refused.status == 503
    assert refused.body["type"] == "/problems/camera-not-reachable"
    assert "then connect it." in refused.body["detail"]
    wait_until_healthy(station)
    assert station.cameras.saved_capture()["status"] == "saved"
    eventually(lambda: open_alerts(station) == [], "the alert is resolved")


def capture_for_a_stopped_process(station: Station) -> str:
    """Id of a capture whose process never reads the command."""
    capture = station.api.post("cameras/simulated/capture/", Prefer="respond-async").body["id"]
    return str(capture)


def test_a_capture_that_a_quarantined_camera_never_began_has_its_outcome_soon(station: Station) -> None:
    wait_until_healthy(station)
    pid = crash(station, times=CRASHES - 1)
    with stopped(pid):
        capture = capture_for_a_stopped_process(station)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: station.cameras.observed() == "quarantined", "quarantine")
    assert eventually_ends(station, capture) == ("failed", "not_started")
    wait_until_healthy(station)


def test_a_camera_that_hangs_on_disconnect_is_disconnected_without_a_crash_event(station: Station) -> None:
    station.cameras.eventually_ready()
    crashes = len(station.database.events("part.restarted"))
    with stopped(station.cameras.pid()):
        capture = capture_for_a_stopped_process(station)
        assert station.api.post("cameras/simulated/disconnect/").body["observed"] == "disconnected"
    assert eventually_ends(station, capture) == ("failed", "not_started")
    assert station.database.rows("SELECT observed FROM cameras_camera WHERE slug = 'simulated'") == [("disconnected",)]
    assert len(station.database.events("part.restarted")) == crashes
    wait_until_healthy(station)


def test_after_all_hangs_and_crashes_the_ledger_adds_up(station: Station) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []
