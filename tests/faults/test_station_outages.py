"""A station whose database is locked, or whose broker is gone or hangs: sessions go on, and callers get the reason."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.kills.faults import stopped
from tests.harness.kills.recording_kills import RecordingStation
from tests.harness.stations.http_client import Answer
from tests.harness.stations.outside_broker import Broker, station_beside
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

CADENCE_S = 0.25
FPS = 15
LONG = pytest.mark.prove


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    with station_beside(broker, tmp_path_factory.mktemp("outage") / "data") as station:
        yield station


@pytest.fixture
def session(station: Station) -> Iterator[str]:
    station.cameras.eventually_ready()
    yield station.cameras.start_session(cadence_s=CADENCE_S)
    station.api.post("cameras/simulated/stop/")
    station.spools.eventually_settled()


def waiting(station: Station) -> int:
    """The number of records in the spool."""
    return sum(name.endswith(".done") for name in station.spools.files())


def saved(station: Station) -> int:
    return station.database.count("captures_capture WHERE status = 'saved'")


@pytest.mark.parametrize("held_s", [4, pytest.param(30, marks=LONG)])
def test_a_session_goes_on_while_the_database_is_locked_and_its_rows_appear_afterwards(
    station: Station, session: str, held_s: int
) -> None:
    missed = held_s / CADENCE_S
    with station.database.locked():
        before = saved(station)
        eventually(lambda: waiting(station) > missed, "records wait in the spool", takes_s=held_s)
        assert saved(station) == before
    eventually(lambda: saved(station) > before + missed, "the rows")


def test_a_camera_process_killed_while_the_database_is_locked_is_back_before_the_lock_ends(
    station: Station, session: str
) -> None:
    pid = station.cameras.pid()
    with station.database.locked():
        os.kill(pid, signal.SIGKILL)
        station.cameras.pid(other_than=pid)
        before = waiting(station)
        eventually(lambda: waiting(station) > before, "the session goes on")


def captured_before_a_lock(station: Station) -> Answer:
    """The answer to a capture whose exposure had begun when the database was locked."""
    with ThreadPoolExecutor(1) as caller:
        capture = caller.submit(station.cameras.capture, exposure_us=2_000_000)
        eventually(lambda: any(name.endswith(".plan") for name in station.spools.files()), "the exposure")
        with station.database.locked():
            return capture.result(PATIENCE_S)


def test_a_capture_that_is_safe_in_the_spool_is_answered_although_the_database_is_locked(station: Station) -> None:
    # 202 is the answer to one that a busy machine has not taken in time.
    answer = eventually(lambda: (found := captured_before_a_lock(station)).status == 201 and found, "an outcome")
    assert answer.body["status"] == "saved"
    eventually(lambda: station.database.status_of(answer.body["id"]) == ("saved", ""), "its row")


def captured_during_a_lock(station: Station) -> Answer:
    """The answer to a capture that was requested while the database was locked, for two other requests."""
    with ThreadPoolExecutor(1) as caller:
        with station.database.locked():
            capture = caller.submit(station.cameras.capture)
            assert station.api.call("GET", "captures/").status == 200
            assert station.api.call("GET", "cameras/simulated/status/").status == 200
        return capture.result(PATIENCE_S)


def test_a_request_during_a_short_lock_waits(station: Station) -> None:
    # On a busy machine the two requests may take longer than a third one waits.
    answer = eventually(lambda: (found := captured_during_a_lock(station)).status in {201, 202} and found, "an answer")
    eventually(lambda: station.database.status_of(answer.body["id"]) == ("saved", ""), "its row")


def test_a_request_during_a_lock_that_does_not_end_fails_because_the_database_is_away(station: Station) -> None:
    with station.database.locked():
        answer = station.cameras.capture()
    assert answer.status == 503
    assert answer.body["type"] == "/problems/database-down"


@pytest.mark.parametrize("gone_s", [3, pytest.param(60, marks=LONG)])
def test_without_its_broker_a_session_goes_on_and_commands_fail_with_a_message(
    station: Station, session: str, broker: Broker, gone_s: int
) -> None:
    with broker.gone():
        refused = station.cameras.capture()
        before = saved(station)
        eventually(lambda: saved(station) > before + gone_s / CADENCE_S, "captures without a broker", takes_s=gone_s)
    assert refused.status == 503
    assert refused.body["type"] == "/problems/broker-down"
    assert "Running sessions go on" in refused.body["detail"]
    eventually(lambda: station.cameras.capture().status == 201, "captures by command again")


NEED_THE_BROKER = ("cameras/", "cameras/simulated/status/", "health/")


def test_a_broker_that_hangs_is_reported_like_one_that_is_gone(station: Station, session: str, broker: Broker) -> None:
    with stopped(broker.process.pid):
        refused = station.cameras.capture()
        answered = {station.api.call("GET", path).status for path in NEED_THE_BROKER}
        assert station.api.call("GET", "captures/").status == 200
        before = saved(station)
        eventually(lambda: saved(station) > before + 4, "captures without a broker")
    assert refused.status == 503
    assert refused.body["type"] == "/problems/broker-down"
    assert answered <= {200, 503}
    eventually(lambda: station.cameras.capture().status == 201, "captures by command again")


def test_a_broker_that_refuses_writes_ends_no_part_and_no_session(
    station: Station, session: str, broker: Broker
) -> None:
    before, parts, camera = saved(station), station.running_pids(), station.cameras.pid()
    with broker.read_only():
        eventually(lambda: saved(station) > before + 3 / CADENCE_S, "captures beside a broker that refuses writes")
    eventually(lambda: station.cameras.capture().status == 201, "captures by command again")
    assert station.running_pids() == parts
    assert station.cameras.pid() == camera


@pytest.fixture
def recording(station: Station) -> Iterator[RecordingStation]:
    station.cameras.eventually_ready()
    recording = RecordingStation(station)
    recording.record("rolling")
    recording.wait_for_frames(FPS)
    yield recording
    recording.record("")
    station.spools.eventually_settled()


@pytest.mark.parametrize("gone_s", [2, pytest.param(20, marks=LONG)])
def test_without_its_broker_recording_goes_on_and_loses_no_frame(
    station: Station, recording: RecordingStation, broker: Broker, gone_s: int
) -> None:
    with broker.gone():
        clip = recording.wait_for_frames(gone_s * FPS)
    recording.record("")
    row = recording.row_of(clip)
    assert row["lost_frames"] == 0
    assert row["interrupted"] == 0
    assert recording.incomplete_clips() == []


def test_a_clip_whose_process_is_killed_while_the_database_is_locked_has_its_row_afterwards(
    station: Station, recording: RecordingStation
) -> None:
    clip, camera = recording.wait_for_frames(1), station.cameras.pid()
    with station.database.locked():
        os.kill(camera, signal.SIGTERM)
        eventually(lambda: list(recording.spool.glob(f"*/clips/{clip}*.done")), "its record waits")
    row = recording.row_of(clip)
    assert row["interrupted"] == 1
    assert row["lost_frames"] is None
    assert recording.incomplete_clips() == []


def test_an_outage_raises_no_error_in_the_supervisor(station: Station) -> None:
    assert [line for line in station.output().splitlines() if "stumbled" in line or "simulated: Trace" in line] == []


def test_after_all_outages_the_ledger_adds_up(station: Station) -> None:
    # A camera process that was just restarted may begin one more clip before it hears that recording was stopped.
    eventually(lambda: station.spools.settled() and station.spools.inconsistencies() == [], "nothing is left over")
