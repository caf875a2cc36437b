"""Commands to cameras as Celery tasks, sent by another program to a whole station with a second camera host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.exceptions import NotRegistered

from skycam_project.config.database import celery_broker
from tests.harness.documents.pages import blocks
from tests.harness.kills.faults import stopped
from tests.harness.scenarios.station_with_dome import SharedStation, dome_of, shared_station
from tests.harness.stations.celery_host import CeleryHost
from tests.harness.stations.flower import flower_beside
from tests.harness.stations.http_client import PASSWORD
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

PAGE = "docs/clients/tasks.md"
ARGUMENTS = {"exposure_us": 1000}
CLI = ("-c", "from skycam_project.cli import main; main()")
SECOND_US = 1_000_000
ALONE = "import sys; sys.modules['django'] = sys.modules['cameras'] = sys.modules['skycam_project'] = None"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[SharedStation]:
    with shared_station(tmp_path_factory.mktemp("main"), broker) as found:
        found.main.cameras.eventually_ready()
        yield found


@pytest.fixture(scope="module")
def station(shared: SharedStation) -> Station:
    return shared.main


@pytest.fixture(scope="module")
def dome(shared: SharedStation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with dome_of(shared, tmp_path_factory.mktemp("dome")) as found:
        yield found


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


def deadline_ms(program: Celery, in_s: float = 60) -> int:
    with program.connection_for_write() as connection:
        seconds, microseconds = connection.default_channel.client.time()
    return int((seconds + in_s) * 1000) + microseconds // 1000


def send(program: Celery, authorization: Any, name: str = "capture", camera: Any = "simulated", **options: Any) -> Any:
    """`arguments` and `deadline_ms` of the task, and options of Celery."""
    given = {"camera": camera, "arguments": ARGUMENTS, "deadline_ms": deadline_ms(program)}
    given |= {key: options.pop(key) for key in list(options) if key in given}
    headers = {"authorization": authorization} if authorization else {}
    return program.send_task(f"cameras.{name}", headers=headers, **{"queue": "jobs", "kwargs": given} | options)


def answer(*given: Any, **options: Any) -> tuple[int, Any]:
    found = send(*given, **options).get(timeout=PATIENCE_S)
    return found["status"], found["body"]


def captures(station: Station) -> int:
    return int(station.database.count("captures_capture"))


def settled(station: Station, capture: str) -> dict[str, Any]:
    """The capture with its outcome."""
    return dict(eventually(lambda: (body := station.api.get(f"captures/{capture}/"))["status"] != "planned" and body))


def test_the_example_of_the_page_needs_no_package_of_skycam(station: Station, operator: str, tmp_path: Path) -> None:
    (code,) = blocks(PAGE, "python")
    given = (broker_of(station), station.config.station.id, operator.removeprefix("Token "), "simulated", 1000)
    words = [sys.executable, "-c", f"{ALONE}\n{code}\nimport json\nprint(json.dumps(capture(*{given!r})))"]
    found = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd=tmp_path).stdout)
    assert found["status"] in {201, 202}
    assert settled(station, found["body"]["id"])["status"] == "saved"


@pytest.mark.parametrize("queue", ["jobs", "camera.main"])
def test_a_session_is_started_and_stopped(station: Station, program: Celery, operator: str, queue: str) -> None:
    programme = {"exposure_us": 1000, "cadence_s": 1}
    status, session = answer(program, operator, "start_session", arguments=programme, queue=queue)
    assert (status, session["camera"]) == (201, "simulated")
    assert answer(program, operator, "stop_session", arguments=None, queue=queue)[0] == 200
    found = station.api.get(f"sessions/{session['id']}/")
    assert (found["created_by"], found["desired"]) == ("admin", "stopped")


def test_a_recording_is_started_and_stopped(station: Station, program: Celery, operator: str) -> None:
    status, found = answer(program, operator, "record", arguments={"kind": "manual"})
    assert (status, found["recorder"]["state"]) == (200, "recording")
    assert answer(program, operator, "stop_recording", arguments={})[0] == 200
    assert station.database.count("captures_clip") >= 1


def received(program: Celery, worker: str) -> int:
    """How many tasks of captures a worker has had."""
    stats = program.control.inspect(destination=[worker], timeout=PATIENCE_S).stats()
    return int(stats[worker]["total"].get("cameras.capture", 0))


def test_a_command_is_carried_out_by_the_host_of_its_camera(
    station: Station, dome: Station, program: Celery, operator: str
) -> None:
    worker = f"dome@{station.config.station.id}"
    before = received(program, worker)
    status, body = answer(program, operator, camera="dome")
    assert status in {201, 202}
    assert settled(station, body["id"])["status"] == "saved"
    assert received(program, worker) == before + 1


def test_the_answer_for_a_host_that_is_away_comes_at_once_or_after_the_deadline(
    station: Station, dome: Station, program: Celery, operator: str
) -> None:
    dome.stop()
    eventually(lambda: answer(program, operator, camera="dome")[1].get("type") == "/problems/host-down", "it is away")
    before, deadline = captures(station), deadline_ms(program, 1)
    late = send(program, operator, camera="dome", queue="camera.dome", deadline_ms=deadline)
    eventually(lambda: deadline_ms(program, 0) > deadline, "the deadline is over")
    dome.start(only="worker")
    assert late.get(timeout=PATIENCE_S)["body"]["type"] == "/problems/too-slow"
    assert captures(station) == before


def test_a_message_that_waited_for_its_host_is_carried_out_by_its_cameras_once_they_run(
    dome: Station, program: Celery, operator: str
) -> None:
    dome.stop()
    eventually(lambda: answer(program, operator, camera="dome")[1].get("type") == "/problems/host-down", "it is away")
    sent = send(program, operator, camera="dome", queue="camera.dome", deadline_ms=deadline_ms(program, 300))
    dome.start(only="worker")
    assert sent.get(timeout=PATIENCE_S)["status"] in {201, 202}


def test_a_message_that_arrives_twice_takes_one_picture(station: Station, program: Celery, operator: str) -> None:
    before, identity = captures(station), str(uuid4())
    first = answer(program, operator, task_id=identity)
    program.backend.forget(identity)
    status, body = answer(program, operator, task_id=identity)
    assert (status in {201, 202}, body["id"]) == (True, first[1]["id"])
    assert captures(station) == before + 1


def test_the_second_of_two_messages_waits_for_the_answer_of_the_first(
    station: Station, program: Celery, operator: str
) -> None:
    identity = str(uuid4())
    with stopped(station.cameras.pid()):
        sent = [send(program, operator, "record", arguments={}, task_id=identity) for _ in range(2)]
        eventually(lambda: sent[1].state == "RETRY", "the second waits")
    assert sent[0].get(timeout=PATIENCE_S)["body"].get("recorder", {}).get("state") == "recording"
    assert answer(program, operator, "stop_recording", arguments={})[0] == 200


def test_a_picture_whose_worker_is_killed_is_taken_once(station: Station, program: Celery, operator: str) -> None:
    before, identity, long = captures(station), str(uuid4()), {"exposure_us": 3 * SECOND_US}
    send(program, operator, arguments=long, task_id=identity, queue="camera.main")
    eventually(lambda: captures(station) == before + 1, "the capture is planned")
    os.kill(station.running_pids()["worker"], signal.SIGKILL)
    _, body = answer(program, operator, arguments=long, task_id=identity)
    assert settled(station, body.get("capture") or body["id"])
    station.cameras.eventually_ready()
    assert captures(station) == before + 1


@pytest.mark.parametrize(
    ("camera", "arguments", "status"),
    [
        ("simulated", {"exposure_us": "long"}, 400),
        ("simulated", {"exposure_us": 1000, "unknown": 1}, 400),
        ("simulated", {"note": float("nan")}, 400),
        ("simulated", [], 400),
        ("unknown", ARGUMENTS, 404),
        ("../../auth/token", ARGUMENTS, 404),
        ("simulated\x00", ARGUMENTS, 404),
        ("\ud800", ARGUMENTS, 404),
        ({"camera": "simulated"}, ARGUMENTS, 404),
        (None, ARGUMENTS, 404),
    ],
)
def test_what_the_api_refuses_a_task_is_refused_for(
    station: Station, program: Celery, operator: str, camera: Any, arguments: Any, status: int
) -> None:
    before = captures(station)
    found, body = answer(program, operator, camera=camera, arguments=arguments)
    assert (found, body["status"]) == (status, status)
    assert captures(station) == before


@pytest.mark.parametrize(
    "parameters", [{"arguments": {"note": b"bytes"}}, {"kwargs": {}}, {"args": ["simulated", 1, {}, 2]}]
)
def test_what_is_no_request_at_all_is_a_failure(
    station: Station, program: Celery, operator: str, parameters: dict[str, Any]
) -> None:
    before = captures(station)
    with pytest.raises(TypeError):
        send(program, operator, **parameters).get(timeout=PATIENCE_S)
    assert captures(station) == before


@pytest.mark.parametrize("name", ["capture", "start_session", "stop_session", "record", "stop_recording"])
@pytest.mark.parametrize("header", [None, "Token unknown", "Token \xe9", {"Token": 1}])
def test_a_task_without_a_valid_token_is_refused(station: Station, program: Celery, name: str, header: Any) -> None:
    before = captures(station)
    assert answer(program, header, name)[1]["type"] == "/problems/not-signed-in"
    assert captures(station) == before


def test_a_viewer_may_send_no_task_and_a_camera_that_is_hidden_does_not_exist(
    station: Station, program: Celery
) -> None:
    station.run(*CLI, "users", "add", "ada", "--role", "operator", "--password", PASSWORD)
    ada = station.api.post("auth/token/", {"username": "ada", "password": PASSWORD}).body["token"]
    before = captures(station)
    assert answer(program, token(station, "viewer"))[1]["type"] == "/problems/forbidden"
    with station.cameras.added(restricted=True) as hidden:
        assert answer(program, f"Token {ada}", camera=hidden)[1]["type"] == "/problems/not-found"
    assert captures(station) == before


@pytest.mark.parametrize("deadline", [None, True, "soon", 2**80])
def test_a_task_needs_a_deadline_within_minutes(
    station: Station, program: Celery, operator: str, deadline: Any
) -> None:
    before = captures(station)
    status, body = answer(program, operator, deadline_ms=deadline)
    assert (status, body["errors"][0]["field"]) == (400, "deadline_ms")
    assert captures(station) == before


def test_a_task_after_its_deadline_is_not_carried_out(station: Station, program: Celery, operator: str) -> None:
    before = captures(station)
    status, body = answer(program, operator, deadline_ms=deadline_ms(program, -7200))
    assert (status, body["type"]) == (504, "/problems/too-slow")
    assert body["detail"].startswith("This message came 7200 s after its deadline")
    assert captures(station) == before


def test_the_token_is_neither_shown_nor_stored(station: Station, program: Celery, operator: str) -> None:
    sent = send(program, operator, arguments={"exposure_us": 3 * SECOND_US}, queue="camera.main")
    worker = f"main@{station.config.station.id}"
    inspect = program.control.inspect(destination=[worker], timeout=PATIENCE_S)
    [active] = eventually(lambda: inspect.active()[worker], "the task runs")
    sent.get(timeout=PATIENCE_S)
    stored = program.backend.get(program.backend.get_key_for_task(sent.id)).decode()
    assert (active["name"], json.loads(stored)["status"]) == ("cameras.capture", "SUCCESS")
    assert operator.removeprefix("Token ") not in f"{active} {stored}"


class Touching:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mknod, (str(self.path),)


def test_a_pickled_message_is_not_read_and_no_log_has_its_token(
    station: Station, program: Celery, operator: str, tmp_path: Path
) -> None:
    send(program, operator, arguments={"note": Touching(tmp_path / "touched")}, serializer="pickle")
    station.eventually_says("Refusing to deserialize")
    unknown = send(program, operator, "develop")
    with pytest.raises(NotRegistered):
        unknown.get(timeout=PATIENCE_S)
    station.eventually_says("Received unregistered task")
    assert answer(program, operator)[0] in {201, 202}
    assert not list(tmp_path.iterdir())
    assert operator.removeprefix("Token ") not in station.output()


def sampled_hosts(station: Station) -> list[dict[str, Any]]:
    """All hosts of the page, once each has said what runs."""
    found: list[dict[str, Any]] = station.api.get("hosts/")["results"]
    return found if all(host["parts"] for host in found) else []


@pytest.mark.prove
def test_inspect_flower_and_the_page_hosts_agree_on_what_runs(station: Station, dome: Station, tmp_path: Path) -> None:
    celery = CeleryHost(station.environment, "main", tmp_path / "celery.out")
    name = station.config.station.id
    queues = {
        f"main@{name}": {"camera.main"},
        f"jobs-main@{name}": {"jobs", "jobs.main", "files.main"},
        f"dome@{name}": {"camera.dome", "jobs.dome", "files.dome"},
    }
    running, beside = station.running_pids(), dome.running_pids()
    asked = celery.ask("inspect", "active_queues")
    assert {worker: {queue["name"] for queue in found} for worker, found in asked.items()} == queues
    assert {worker: stats["pid"] for worker, stats in celery.ask("inspect", "stats").items()} == {
        f"main@{name}": running["worker"], f"jobs-main@{name}": running["jobs"], f"dome@{name}": beside["worker"]
    }  # fmt: skip
    with flower_beside(station.environment) as flower:
        eventually(lambda: flower.queues() == queues, lambda: f"flower sees {flower.queues()}")
    hosts = eventually(lambda: sampled_hosts(station), "samples of both")
    parts = {host["name"]: {part["name"] for part in host["parts"]} for host in hosts}
    assert parts.keys() == {"main", "dome"}
    assert {"worker", "cameras", "sensors", "jobs"} <= parts["main"]
    assert {"worker", "cameras", "sensors"} <= parts["dome"]
