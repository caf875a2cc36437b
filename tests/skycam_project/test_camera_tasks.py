"""Commands to cameras as Celery tasks, sent by another program to a whole station."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery

from skycam_project.config.redis import celery_broker
from tests.harness.documents.pages import blocks
from tests.harness.project import PROJECT
from tests.harness.stations.celery_host import CeleryHost
from tests.harness.stations.http_client import PASSWORD
from tests.harness.stations.station import Station, free_port
from tests.harness.waiting import PATIENCE_S, eventually

PAGE = "docs/clients/tasks.md"
ARGUMENTS = {"exposure_us": 1000}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("station") / "data")
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def program(station: Station) -> Celery:
    """Another program, which knows nothing of Skycam but the broker."""
    address = broker_of(station)
    app = Celery(broker=address, backend=address, set_as_current=False)
    prefix = {"global_keyprefix": f"{station.config.station.id}:celery:"}
    app.conf.broker_transport_options = app.conf.result_backend_transport_options = prefix
    return app


def broker_of(station: Station) -> str:
    return str(celery_broker(station.config.redis_url)["broker_url"])


def token(station: Station, scope: str) -> str:
    body = {"username": "admin", "password": PASSWORD, "scope": scope}
    return f"Token {station.api.post('auth/token/', body).body['token']}"


@pytest.fixture(scope="module")
def operator(station: Station) -> str:
    return token(station, "operator")


def send(program: Celery, authorization: str | None, camera: Any = "simulated", **options: Any) -> Any:
    sent = {"expires": 60, "arguments": ARGUMENTS, "name": "cameras.capture"} | options
    name, arguments = sent.pop("name"), sent.pop("arguments")
    headers = {"authorization": authorization} if authorization else {}
    return program.send_task(
        name, kwargs={"camera": camera, "arguments": arguments}, headers=headers, queue="camera.main", **sent
    )


def answer(*given: Any, **options: Any) -> tuple[int, Any]:
    found = send(*given, **options).get(timeout=PATIENCE_S)
    return found["status"], found["body"]


def captures(station: Station) -> int:
    return int(station.database.count("captures_capture"))


def test_the_example_of_the_page_takes_a_picture(station: Station, operator: str) -> None:
    (code,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(code, names)
    key = operator.removeprefix("Token ")
    found = names["capture"](broker_of(station), station.config.station.id, "main", key, "simulated", 1000)
    assert found["status"] in {201, 202}
    capture = f"captures/{found['body']['id']}/"
    assert eventually(lambda: station.api.get(capture)["status"] != "planned" and station.api.get(capture))


def test_a_session_and_a_recording_are_started_and_stopped(program: Celery, operator: str) -> None:
    programme = {"exposure_us": 1000, "cadence_s": 1}
    assert answer(program, operator, name="cameras.start_session", arguments=programme)[0] == 201
    assert answer(program, operator, name="cameras.stop_session", arguments={})[0] == 200
    assert answer(program, operator, name="cameras.record", arguments={"on": "unknown"})[0] == 400


def test_a_message_that_arrives_twice_takes_one_picture(station: Station, program: Celery, operator: str) -> None:
    before, identity = captures(station), str(uuid4())
    first = answer(program, operator, task_id=identity)
    assert first[0] == 201
    program.backend.forget(identity)
    assert answer(program, operator, task_id=identity) == first
    assert captures(station) == before + 1


@pytest.mark.parametrize(
    ("camera", "arguments", "status"),
    [
        ("simulated", {"exposure_us": "long"}, 400),
        ("simulated", [], 400),
        ("unknown", ARGUMENTS, 404),
        ("../../auth/token", ARGUMENTS, 404),
        (None, ARGUMENTS, 404),
    ],
)
def test_what_the_api_refuses_a_task_is_refused_for(
    station: Station, program: Celery, operator: str, camera: Any, arguments: Any, status: int
) -> None:
    before = captures(station)
    found, body = answer(program, operator, camera, arguments=arguments)
    assert (found, body["status"]) == (status, status)
    assert captures(station) == before


def test_a_task_of_a_viewer_or_without_a_token_is_refused(station: Station, program: Celery) -> None:
    before = captures(station)
    assert answer(program, token(station, "viewer"))[0] == 403
    assert answer(program, "Token unknown")[0] == 401
    assert answer(program, None)[0] == 401
    assert captures(station) == before


def test_a_task_without_a_deadline_or_after_it_is_not_carried_out(
    station: Station, program: Celery, operator: str
) -> None:
    before = captures(station)
    status, body = answer(program, operator, expires=None)
    assert (status, body["errors"][0]["field"]) == (400, "expires")
    late = send(program, operator, expires=-1)
    eventually(lambda: late.state == "REVOKED", "it is not carried out")
    assert captures(station) == before


@pytest.fixture
def flower(station: Station) -> Iterator[str]:
    """The address of a real flower beside the station."""
    port = free_port()
    words = ["-m", "celery", "--quiet", "-A", "skycam_project", "flower", "--address=127.0.0.1", f"--port={port}"]
    environment = {**station.environment, "FLOWER_UNAUTHENTICATED_API": "true"}
    process = subprocess.Popen([sys.executable, *words], env=environment, cwd=PROJECT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def workers_of(flower: str) -> dict[str, Any]:
    with suppress(OSError, ValueError), urllib.request.urlopen(f"{flower}/api/workers?refresh=true") as found:
        return dict(json.load(found))
    return {}


def test_inspect_flower_and_the_page_hosts_agree_on_what_runs(station: Station, flower: str, tmp_path: Path) -> None:
    celery = CeleryHost(station.environment, "main", tmp_path / "celery.out")
    queues = {
        worker: {queue["name"] for queue in found} for worker, found in celery.ask("inspect", "active_queues").items()
    }
    name = station.config.station.id
    assert queues == {
        f"main@{name}": {"camera.main"},
        f"jobs-main@{name}": {"jobs", "jobs.main", "files.main"},
    }
    assert set(celery.ask("inspect", "ping")) == set(queues)
    pids = {worker: stats["pid"] for worker, stats in celery.ask("inspect", "stats").items()}
    running = station.running_pids()
    assert pids == {f"main@{name}": running["worker"], f"jobs-main@{name}": running["jobs"]}
    seen = eventually(lambda: (found := workers_of(flower)).keys() >= queues.keys() and found, "flower sees both")
    assert {worker: {queue["name"] for queue in seen[worker]["active_queues"]} for worker in queues} == queues
    (host,) = station.api.get("hosts/")["results"]
    with_cameras = {worker.partition("@")[0] for worker, taken in queues.items() if f"camera.{host['name']}" in taken}
    assert with_cameras == {host["name"]}
    assert {"worker", "cameras", "sensors", "jobs"} <= {
        part["name"] for part in eventually(lambda: station.api.get("hosts/")["results"][0]["parts"], "a sample")
    }
