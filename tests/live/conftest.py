"""A broker with a fake camera process; and, for the whole path, a running station."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from tests.harness.stations.broker import station_broker
from tests.harness.stations.station import MANY_VIEWERS, Station


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    from core.broker import broker

    broker.connection.cache_clear()
    with station_broker(settings.STATION) as client:
        yield client
    # Not closed here: the thread of the notices may be using it. It is closed when the last user drops it.
    broker.connection.cache_clear()


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


@pytest.fixture
def pictures(server: redis.Redis) -> Iterator[Any]:
    """The camera's process: publishes while pictures are requested."""
    from tests.harness.clients.sockets import CameraProcess

    process = CameraProcess(server, "sky")
    thread = threading.Thread(target=process.run)
    thread.start()
    yield process
    process.ended.set()
    thread.join()


@pytest.fixture(scope="package")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """With the simulated camera. Tests leave it running and its camera connected."""
    found = Station(tmp_path_factory.mktemp("live") / "data", **MANY_VIEWERS)
    try:
        yield found.up_with_camera()
    finally:
        found.ensure_stopped()
