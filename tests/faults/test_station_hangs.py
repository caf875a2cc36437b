"""Cameras that hang, crash, and crash again, on a whole station: the ladder, and the session that goes on."""

from __future__ import annotations

import functools
import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.harness.kills.faults import stopped
from tests.harness.processes.idle_cores import idle_cores
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

LADDER = ["abort", "reconnect", "kill"]
EXIT = "part.restarted"
MARGIN_S = "2"
"""Shorter than usual, since these tests wait for it. An exposure of a busy machine must still keep it."""
CRASHES = 3
NEVER_S = "3600"
"""No process of these tests lives so long: each exit counts as one of a crash loop, until a person connects."""
NOT_BEGUN = "The camera's process ended before this capture began."
"""At its deadline a capture that was not begun fails anyway, and its message says so."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    crash_loop = {"EXITS": str(CRASHES), "S": NEVER_S}
    variables = {f"SKYCAM_SUPERVISION__CRASH_LOOP_{name}": value for name, value in crash_loop.items()}
    folder = tmp_path_factory.mktemp("hangs")
    # Nothing is quarantined on a machine without an idle core, as one that runs tests may be.
    machine = idle_cores(folder, 1)
    station = Station(folder / "data", SKYCAM_SUPERVISION__MARGIN_S=MARGIN_S, **variables, **machine)
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


def eventually_ends(station: Station, capture: str) -> tuple[str, str]:
    eventually(lambda: station.database.status_of(capture)[0] != "planned", "the outcome of the capture")
    return station.database.status_of(capture)


def reason_and_message(station: Station, capture: str) -> tuple[str, str]:
    """Of a capture, once it has its outcome."""
    eventually_ends(station, capture)
    body = station.api.get(f"captures/{capture}/")
    return body["reason"], body["message"]


def steps(station: Station, camera: str) -> list[str]:
    return [event["step"] for event in station.database.events("camera.ladder", camera)]


def triples(steps: list[str]) -> list[list[str]]:
    return [steps[at : at + 3] for at in range(len(steps))]


def test_a_stopped_camera_process_gets_every_recovery_step_and_the_next_capture_works(station: Station) -> None:
    pid = station.cameras.pid()
    capture = exposing(station, exposure_us=2_000_000)
    with stopped(pid):
        outcome = eventually_ends(station, capture)
    assert outcome == ("failed", "camera_hung")
    eventually(lambda: LADDER in triples(steps(station, "simulated")), lambda: steps(station, "simulated"))
    assert station.cameras.saved_capture()["status"] == "saved"


def test_a_crash_is_the_reason_of_the_capture_that_it_ended(station: Station) -> None:
    wait_until_healthy(station)
    pid = station.cameras.pid()
    capture = exposing(station, exposure_us=10_000_000)
    os.kill(pid, signal.SIGSEGV)
    assert eventually_ends(station, capture) == ("failed", "camera_crashed")
    eventually(lambda: crash_reasons(station)[-1:] == ["killed by SIGSEGV"], lambda: crash_reasons(station))


def crash_reasons(station: Station) -> list[str]:
    return [event["reason"] for event in station.database.events("part.restarted")]


def crash(station: Station, times: int) -> int:
    """Crash the process of the simulated camera `times` times; returns the pid of the next process."""
    pid = station.cameras.pid()
    for _ in range(times):
        os.kill(pid, signal.SIGSEGV)
        pid = station.cameras.pid(other_than=pid)
    return pid


def crash_until_quarantined(station: Station) -> None:
    os.kill(crash(station, times=CRASHES - 1), signal.SIGSEGV)
    eventually(lambda: station.cameras.observed() == "quarantined", "quarantine")


def wait_until_healthy(station: Station) -> None:
    """An earlier test may have left a capture that still runs: the camera is busy until its end."""
    connect = functools.partial(station.api.post, "cameras/simulated/connect/")
    eventually(lambda: connect().body.get("observed") == "ready", "the camera is ready")


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


def test_a_capture_that_a_quarantined_camera_never_began_does_not_wait_for_its_deadline(station: Station) -> None:
    wait_until_healthy(station)
    pid = crash(station, times=CRASHES - 1)
    with stopped(pid):
        capture = capture_for_a_stopped_process(station)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: station.cameras.observed() == "quarantined", "quarantine")
    assert reason_and_message(station, capture) == ("not_started", NOT_BEGUN)
    wait_until_healthy(station)


def states_and_exits(station: Station) -> list[str]:
    """The states of the camera and the unexpected exits of its process, in the order of their events."""
    question = """
        SELECT kind, data FROM monitoring_event WHERE camera = 'simulated' AND kind IN ('camera.state', ?)
        ORDER BY at, id
    """
    events = station.database.rows(question, EXIT)
    return [EXIT if kind == EXIT else json.loads(data)["observed"] for kind, data in events]


def test_a_camera_that_hangs_on_disconnect_is_disconnected_without_a_crash_event(station: Station) -> None:
    station.cameras.eventually_ready()
    with stopped(station.cameras.pid()):
        capture = capture_for_a_stopped_process(station)
        station.api.post("cameras/simulated/disconnect/")
        eventually(lambda: station.cameras.observed() == "disconnected", "it is disconnected")
    assert reason_and_message(station, capture) == ("not_started", NOT_BEGUN)
    eventually(lambda: states_and_exits(station)[-1:] == ["disconnected"], lambda: states_and_exits(station))
    wait_until_healthy(station)
    eventually(lambda: states_and_exits(station)[-1:] == ["ready"], lambda: states_and_exits(station))
    found = states_and_exits(station)
    disconnected = max(at for at, entry in enumerate(found) if entry == "disconnected")
    ready_before = max(at for at, entry in enumerate(found[:disconnected]) if entry == "ready")
    assert EXIT not in found[ready_before:]


def test_after_all_hangs_and_crashes_the_ledger_adds_up(station: Station) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []
