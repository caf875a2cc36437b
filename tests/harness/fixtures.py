"""Fixtures of several packages of tests: a camera, a storage root, a broker, a browser.

Models are imported inside the fixtures: this module is loaded before Django is set up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.runs.plugin import PLAIN_STATION, shared_by
from tests.harness.runs.shared import SHARED_STATIONS

if TYPE_CHECKING:
    import redis
    from playwright.sync_api import Browser

    from cameras.models import Camera
    from captures.models import CaptureFile, StorageRoot
    from tests.harness.browsers.chromium import SharedChromium
    from tests.harness.clients.people import World
    from tests.harness.stations.outside_broker import Broker
    from tests.harness.stations.station import Station
    from tests.harness.stations.web_server import Web


@pytest.fixture
def camera(db: None) -> Camera:
    """The primary camera `sky` of this host."""
    from django.conf import settings

    from cameras.models import Camera

    return Camera.objects.create(slug="sky", name="Sky", kind="simulated", host=settings.STATION.host, primary=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A storage root, as a folder."""
    from cameras.spool.storage import make_root

    root = tmp_path / "root"
    root.mkdir()
    make_root(root, "0193a000-0000-7000-8000-0000000000aa")
    return root


@pytest.fixture
def root(db: None, folder: Path) -> StorageRoot:
    """A storage root of this host, which has no storage class."""
    from django.conf import settings

    from cameras.spool.storage import read_marker
    from captures.models import StorageRoot

    return StorageRoot.objects.create(id=read_marker(str(folder)), host=settings.STATION.host, path=str(folder))


@pytest.fixture
def file(camera: Camera, root: StorageRoot) -> CaptureFile:
    """The file of a saved capture."""
    from tests.harness.rows.captures import file_of, saved

    return file_of(saved(camera), root)


@pytest.fixture
def file_url(file: CaptureFile) -> str:
    return f"/api/v1/captures/{file.capture_id}/file/"


@pytest.fixture
def world(camera: Camera, root: StorageRoot) -> World:
    """The six people of the route table, and one object of each kind."""
    from tests.harness.clients.people import World

    return World(camera, root)


@pytest.fixture(scope="module")
def shared_world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """As `world`, made once for a module whose tests have no cameras and roots besides it. What a test changes is
    rolled back at its end."""
    from django.conf import settings
    from django.db import transaction

    from cameras.models import Camera
    from cameras.spool.storage import make_root
    from captures.models import StorageRoot
    from tests.harness.clients.people import World

    folder, identity = tmp_path_factory.mktemp("world"), "0193a000-0000-7000-8000-0000000000aa"
    make_root(folder, identity)
    with django_db_blocker.unblock(), transaction.atomic():
        camera = Camera.objects.create(
            slug="sky", name="Sky", kind="simulated", host=settings.STATION.host, primary=True
        )
        yield World(camera, StorageRoot.objects.create(id=identity, host=settings.STATION.host, path=str(folder)))
        transaction.set_rollback(True)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files and folders that this process has synced since the test began, in their order."""
    paths, fsync = list[str](), os.fsync

    def record_and_sync(file: int) -> None:
        paths.append(os.readlink(f"/proc/self/fd/{file}"))
        fsync(file)

    monkeypatch.setattr(os, "fsync", record_and_sync)
    return paths


@pytest.fixture
def no_wait_for_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a camera host each request for a live picture would wait for one for seconds."""
    monkeypatch.setattr("cameras.live.api.FRAME_WAIT_S", 0.1)


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[redis.Redis]:
    """The station's broker for all tests of a module, without a camera host."""
    from django.conf import settings

    from tests.harness.stations.broker import station_broker

    with station_broker(settings.STATION) as client:
        yield client


@pytest.fixture
def lasting_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that a test writes does not expire, however busy the machine is."""
    from cameras.status import status

    monkeypatch.setattr(status, "STATUS_TTL_S", 3600)


@pytest.fixture
def empty_broker(shared_broker: redis.Redis, lasting_status: None) -> redis.Redis:
    """The module's broker, without what earlier tests wrote."""
    from core.broker import broker

    broker.connection.cache_clear()
    shared_broker.flushall()
    return shared_broker


@pytest.fixture
def valkey(lasting_status: None) -> Iterator[redis.Redis]:
    """The station's broker, without a camera host, and the connection that the station's code has to it."""
    from django.conf import settings

    from core.broker import broker
    from tests.harness.stations.broker import station_broker

    with station_broker(settings.STATION):
        broker.connection.cache_clear()
        yield broker.connection()
    # Not closed here: a thread that publishes notices may be using it. It is closed when the last user drops it.
    broker.connection.cache_clear()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that the stations of a module do not start, stop or restart."""
    from tests.harness.stations.outside_broker import Broker

    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def plain_station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A running station for all tests that neither kill its parts, nor configure it, nor fill it. Each adds cameras
    (`plain_station.cameras.added()`) and users of its own, and leaves the camera `simulated` connected and idle."""
    from tests.harness.stations.station import MANY_VIEWERS, Station

    @contextmanager
    def running() -> Iterator[Station]:
        station = Station(tmp_path_factory.mktemp("plain") / "data", **MANY_VIEWERS)
        try:
            yield station.up_with_camera()
        finally:
            station.ensure_stopped()

    shared: Station = SHARED_STATIONS.get(PLAIN_STATION, running)
    return shared


@pytest.fixture(scope="module", autouse=True)
def no_idle_station(request: pytest.FixtureRequest) -> None:
    """End the shared stations that this file does not use."""
    SHARED_STATIONS.end_others(shared_by(str(request.path)))


@pytest.fixture(scope="session", autouse=True)
def no_station_is_left() -> Iterator[None]:
    yield
    SHARED_STATIONS.end_others(None)


@pytest.fixture(scope="module")
def module_web(django_db_setup: None) -> Iterator[Web]:
    """The web part alone for all tests of a module, which each need `transactional_db`."""
    from tests.harness.stations.web_server import Web

    server = Web()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_tries_counted() -> None:
    """Reset the counts of requests and sign-in attempts: their fallback lives as long as the process."""
    from django.core.cache.backends.locmem import LocMemCache

    LocMemCache("windows", {}).clear()


@pytest.fixture(scope="session")
def chromium_of_worker() -> Iterator[SharedChromium]:
    from tests.harness.browsers.chromium import SharedChromium

    browser = SharedChromium()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def chromium(chromium_of_worker: SharedChromium) -> Iterator[Browser]:
    """Debian's Chromium. While a module uses it, an event loop runs in this thread: Django must be allowed to read
    rows, and asynchronous tests, which start their own loop, belong in other modules."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    with chromium_of_worker.in_use() as browser:
        yield browser
    assert os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE") == before


@pytest.fixture
def beside_a_browser() -> Iterator[None]:
    """Allow database access in this thread, which runs the browser's event loop, also during teardown."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def retention(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set keys of the section `retention` as a YAML file would."""

    from django.conf import settings

    def set_keys(**values: Any) -> None:
        station = settings.STATION
        section = type(station.retention).model_validate({**station.retention.model_dump(), **values})
        monkeypatch.setattr(settings, "STATION", station.model_copy(update={"retention": section}))

    return set_keys
