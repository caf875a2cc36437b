"""The real web part, killed while it runs a request with an Idempotency-Key, and with the same request several times at
once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera, SettingsPreset
from captures.models import Capture, Session
from core.idempotency.models import IdempotentRequest
from scheduler.models import Schedule
from skycam_project.access.models import ApiToken, User
from tests.harness.kills.killed_web import KilledWeb, forked_webs
from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.stations.http_client import AWAY
from tests.harness.stations.web_server import Web
from tests.harness.waiting import PATIENCE_S

SCHEDULE = {
    "name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"},
    "programme": {"exposure_us": 8_000_000, "cadence_s": 12},
}  # fmt: skip
REQUESTS: list[tuple[str, Any, Any, int]] = [
    ("/api/v1/cameras/", {"slug": "new", "kind": "simulated"}, Camera, 201),
    ("/api/v1/schedules/", SCHEDULE, Schedule, 201),
    ("/api/v1/cameras/sky/presets/", {"name": "night", "settings": {"gain": 2}}, SettingsPreset, 201),
    ("/api/v1/cameras/sky/capture/", {}, Capture, 503),
    ("/api/v1/cameras/sky/start/", {"exposure_s": 1, "delay_s": 2}, Session, 503),
]
IDS = ["camera", "schedule", "preset", "capture", "session"]
"""Path, body, what it creates, and the status of its answer: no camera host runs."""
AT_ONCE = 6


@pytest.fixture
def web(module_web: Web, transactional_db: None) -> Web:
    return module_web


@pytest.fixture
def headers(transactional_db: None) -> dict[str, str]:
    user = User.objects.create_user(username="ada", role="manager")
    return {
        "Authorization": f"Token {ApiToken.issue(user)[1]}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k-1",
    }


@pytest.fixture(scope="module")
def start_web(django_db_setup: None) -> Iterator[Callable[[str], KilledWeb]]:
    with forked_webs() as start:
        yield start


@pytest.fixture
def killed_web(start_web: Callable[[str], KilledWeb], transactional_db: None) -> Iterator[Callable[[str], KilledWeb]]:
    """The web part that is killed at a failpoint."""
    with ExitStack() as started:

        def start(point: str) -> KilledWeb:
            web = start_web(point)
            started.callback(web.ensure_ended)
            return web

        yield start


def send(web: Web, path: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    status, answer = web.request("POST", path, json.dumps(body), headers)
    return status, json.loads(answer)


def name_of(answer: dict[str, Any]) -> str:
    """What was created."""
    return str(next(answer[name] for name in ("capture", "name", "type") if name in answer))


def end_lease() -> None:
    IdempotentRequest.objects.filter(state="running").update(lease_until=timezone.now())


@pytest.mark.parametrize("point", ["after_claim", "after_view", "after_answer"])
@pytest.mark.parametrize(("path", "body", "created", "status"), REQUESTS, ids=IDS)
def test_after_a_kill_the_repetition_creates_it_once(
    path: str, body: Any, created: Any, status: int, point: str,
    web: Web, headers: dict[str, str], camera: Camera, killed_web: Callable[[str], KilledWeb],
) -> None:  # fmt: skip
    before = created.objects.count()
    killed = killed_web(point)
    with pytest.raises(AWAY):
        send(killed, path, body, headers)
    assert killed.exit_status() == -9
    end_lease()
    answer = send(web, path, body, headers)
    assert answer[0] == status
    assert created.objects.count() == before + 1
    assert created.objects.filter(pk=IdempotentRequest.objects.get().resource_id).exists()
    assert send(web, path, body, headers) == answer


def test_until_its_lease_ends_a_killed_request_is_running(
    web: Web, headers: dict[str, str], camera: Camera, killed_web: Callable[[str], KilledWeb]
) -> None:
    with pytest.raises(AWAY):
        send(killed_web("after_view"), "/api/v1/schedules/", SCHEDULE, headers)
    status, answer = send(web, "/api/v1/schedules/", SCHEDULE, headers)
    assert status == 409
    assert answer["type"] == "/problems/idempotency-running"
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize(("path", "body", "created", "status"), REQUESTS, ids=IDS)
def test_of_requests_at_the_same_moment_one_creates(
    path: str, body: Any, created: Any, status: int, web: Web, headers: dict[str, str], camera: Camera
) -> None:
    before = created.objects.count()
    with ThreadPoolExecutor(AT_ONCE) as clients:
        answers = list(clients.map(lambda _: send(web, path, body, headers), range(AT_ONCE)))
    assert created.objects.count() == before + 1
    assert {found for found, _ in answers} <= {status, 202, 409}  # 202: a capture that runs is shown
    assert {found for found, _ in answers} >= {status}
    assert len({name_of(answer) for found, answer in answers if found == status}) == 1


def test_on_postgresql_one_of_the_requests_at_the_same_moment_creates(tmp_path: Path) -> None:
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "tests.harness.races.idempotency_process", str(AT_ONCE)],
            cwd=PROJECT, env={**os.environ, "SKYCAM_DATA": str(tmp_path), "DATABASE_URL": address},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # The last one may come after the first one's answer, and gets it.
    assert set(found["schedules"].pop("statuses")) <= {201, 409}
    assert found["schedules"] == {"created": 1, "after a kill": 201}
    assert {503} <= set(found["captures"].pop("statuses")) <= {202, 503}
    assert found["captures"] == {"created": 1, "after a kill": 503}
    assert found["removed"] == 2
