"""A whole station whose web part is killed while it waits for a camera: a program repeats its request with its key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.harness.kills.faults import kill, stopped
from tests.harness.stations.http_client import AWAY, Answer
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

CAPTURE = {"exposure_us": 3_000_000, "note": "the only one"}
START = {"exposure_us": 1000, "cadence_s": 1, "name": "the only one"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("repeated") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


def send(station: Station, command: str, body: Any, key: str) -> Answer | None:
    """None while no one answers."""
    with suppress(*AWAY):
        return station.api.post(f"cameras/simulated/{command}/", body, Idempotency_Key=key)
    return None


@contextmanager
def sent(station: Station, command: str, body: Any, key: str) -> Iterator[None]:
    """A request whose answer no one reads."""
    sender = threading.Thread(target=send, args=(station, command, body, key))
    sender.start()
    try:
        yield
    finally:
        sender.join()


def answer_to(station: Station, command: str, body: Any, key: str, *statuses: int) -> Answer:
    """The first answer with one of these."""

    def repeat() -> Answer | None:
        answer = send(station, command, body, key)
        return answer if answer and answer.status in statuses else None

    return eventually(repeat, f"{command} is answered with {statuses}")  # type: ignore[no-any-return]


def replayed_answer_to(station: Station, command: str, body: Any, key: str) -> Answer:
    """The first one that is the stored answer to an earlier request: that of a capture is stored once it is saved."""

    def repeat() -> Answer | None:
        answer = send(station, command, body, key)
        return answer if answer and answer.headers.get("idempotency-replayed") == "true" else None

    return eventually(repeat, f"the answer to {command} is replayed")  # type: ignore[no-any-return]


def captures(station: Station) -> int:
    return station.database.count("captures_capture WHERE note = ?", CAPTURE["note"])


def sessions(station: Station) -> int:
    return station.database.count("captures_session WHERE name = ?", START["name"])


def test_a_capture_is_taken_once_although_the_web_part_is_killed_during_its_exposure(station: Station) -> None:
    with sent(station, "capture", CAPTURE, "k-capture"):
        eventually(lambda: captures(station) == 1, "the capture is planned")
        kill(station, "web")
    # 202 on a machine that is too busy to save it in time.
    answer = answer_to(station, "capture", CAPTURE, "k-capture", 201, 202)
    assert answer.body["note"] == "the only one"
    eventually(lambda: station.database.status_of(answer.body["id"]) == ("saved", ""), "it is saved")
    assert captures(station) == 1
    again = replayed_answer_to(station, "capture", CAPTURE, "k-capture")
    assert (again.body["id"], again.body["status"]) == (answer.body["id"], "saved")
    assert captures(station) == 1


def test_a_session_is_started_once_although_the_web_part_is_killed_while_it_waits(station: Station) -> None:
    with stopped(station.pid_of_running("cameras")), sent(station, "start", START, "k-start"):
        eventually(lambda: sessions(station) == 1, "the session is planned")
        kill(station, "web")
    assert answer_to(station, "start", START, "k-start", 409).body["type"] == "/problems/idempotency-running"
    station.database.execute("UPDATE core_idempotentrequest SET lease_until = '2026-01-01' WHERE key = 'k-start'")
    answer = answer_to(station, "start", START, "k-start", 201)
    assert sessions(station) == 1
    assert station.api.get(f"sessions/{answer.body['id']}/")["name"] == "the only one"
    assert station.api.post("cameras/simulated/stop/").body["id"] == answer.body["id"]
