"""A broker with a fake camera process; and, for the whole path, a running station."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from django.conf import settings

from tests.harness.stations.broker import station_broker
from tests.harness.stations.station import MANY_VIEWERS, Station
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def server(lasting_status: None) -> Iterator[redis.Redis]:
    from core.broker import broker

    broker.connection.cache_clear()
    with station_broker(settings.STATION) as client:
        yield client
    # Not closed here: the thread of the notices may be using it. It is closed when the last user drops it.
    broker.connection.cache_clear()


@pytest.fixture
def hanging_broker(server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker that answers nothing. A call that waits for it does not give up: it hangs until the test is ended."""
    from core.broker import broker, notices
    from core.broker import broker as circuit_breaker

    for module, name in ((broker, "CONNECT_S"), (broker, "ANSWER_S"), (circuit_breaker, "CONNECT_S")):
        monkeypatch.setattr(module, name, None)
    broker.connection.cache_clear()
    pid = int(server.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)
    notices.notice_publisher().finish(PATIENCE_S)  # or those that wait would reach the broker of the next test


@pytest.fixture
def frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoked rights take effect soon."""
    from cameras.sockets import access

    monkeypatch.setattr(access, "CHECK_EVERY_S", 0.1)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change some values of the station's `live_streaming_config`."""

    def configure(**changes: Any) -> None:
        config = settings.STATION.live_streaming_config
        known = {
            name: getattr(config, name).model_copy(update=value)
            for name, value in changes.items()
            if isinstance(value, dict)
        }
        changed = config.model_copy(update={**changes, **known})
        monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"live_streaming_config": changed}))

    return configure


@pytest.fixture
def camera(transactional_db: None) -> Any:
    from cameras.models import Camera

    return Camera.objects.create(slug="sky", name="Sky", kind="simulated", host=settings.STATION.host)


@pytest_asyncio.fixture
async def viewer_headers(camera: Any) -> dict[str, str]:
    return await sync_to_async(headers_of_new)("viewer")


@pytest_asyncio.fixture
async def manager_headers(camera: Any) -> dict[str, str]:
    return await sync_to_async(headers_of_new)("manager")


@pytest_asyncio.fixture
async def excluded_headers(camera: Any) -> dict[str, str]:
    """Of a viewer who may not see the camera."""

    def restrict() -> dict[str, str]:
        from skycam_project.access.models import User
        from tests.harness.clients.sockets import with_token
        from tests.harness.rows.audiences import only_for

        only_for(camera, User.objects.create_user(username="listed", role="operator").username)
        return with_token(User.objects.create_user(username="not-listed", role="viewer"))

    return await sync_to_async(restrict)()


def headers_of_new(role: str) -> dict[str, str]:
    """With a token of a new user, `a-ROLE`."""
    from tests.harness.clients.sockets import user_of, with_token

    return with_token(user_of(role))


@pytest.fixture
def pictures(server: redis.Redis) -> Iterator[Any]:
    """The camera's process: publishes while pictures are requested."""
    from tests.harness.clients.sockets import CameraProcess

    process = CameraProcess(server, "sky").start()
    yield process
    process.stop()


@pytest.fixture(scope="package")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """With the simulated camera. Tests leave it running and its camera connected."""
    found = Station(tmp_path_factory.mktemp("live") / "data", **MANY_VIEWERS)
    try:
        yield found.up_with_camera()
    finally:
        found.ensure_stopped()
