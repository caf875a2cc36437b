"""The same station on PostgreSQL, and with its server away for a while."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil
import pytest

from tests.harness.kills.faults import kill
from tests.harness.postgresql import own_server
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.http_client import HttpClient
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with own_server() as address:
        station = Station(tmp_path_factory.mktemp("pg") / "data", DATABASE_URL=address)
        try:
            station.up()
            station.cameras.eventually_ready()
            yield station
        finally:
            station.ensure_stopped()


def cli(station: Station, *arguments: str) -> Any:
    command = [*SKYCAM, "--output", "json", *arguments]
    done = subprocess.run(command, env=station.environment, capture_output=True, text=True, timeout=PATIENCE_S, cwd="/")
    return json.loads(done.stdout)


def the_session(station: Station, session: str) -> dict[str, Any]:
    found: dict[str, Any] = cli(station, "sessions", "show", session)
    return found


def test_a_capture_is_saved_and_its_hash_is_the_files(station: Station) -> None:
    capture = cli(station, "capture", "--exposure", "0.001")
    assert capture["status"] == "saved"
    assert len(capture["sha256"]) == 64


def test_a_session_adds_up_although_the_worker_is_killed(station: Station) -> None:
    session = cli(station, "start", "-e", "0.01", "--cadence", "0.2", "--count", "40")["id"]
    eventually(lambda: the_session(station, session)["saved"] > 5, "it captures")
    kill(station, "worker")
    eventually(lambda: the_session(station, session)["state"] == "finished", "it has finished")
    found = the_session(station, session)
    assert found["planned"] == found["saved"] + found["failed"] + found["skipped"] == 40


@contextmanager
def hanging_database(station: Station) -> Iterator[None]:
    """All processes of the server are stopped: connections are accepted by the kernel, and nothing answers."""
    cluster = unquote(urlsplit(station.environment["DATABASE_URL"]).netloc.partition("@")[2]) + "/cluster"
    [postmaster] = [one for one in psutil.process_iter(["cmdline"]) if cluster in (one.info["cmdline"] or [])]
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_readyz_answers_although_the_database_hangs(station: Station) -> None:
    client = HttpClient(station.port)
    with hanging_database(station):
        answers = [client.request("GET", "/readyz") for _ in range(6)]
        assert client.request("GET", "/healthz").status == 200
    assert {answer.status for answer in answers} == {503}
    assert {"database" in answer.body["problems"] for answer in answers} == {True}
    eventually(lambda: client.request("GET", "/readyz").status == 200, "ready again")
