"""A camera, a file in a storage root, and a broker without a camera host."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.waiting import eventually

if TYPE_CHECKING:
    import redis

    from cameras.models import Camera
    from captures.models import CaptureFile, StorageRoot
    from tests.harness.clients.people import World


@pytest.fixture
def camera(db: None) -> Camera:
    from django.conf import settings

    from cameras.models import Camera

    return Camera.objects.create(slug="sky", name="Sky", kind="simulated", host=settings.STATION.host, primary=True)


@pytest.fixture
def root(db: None, tmp_path: Path) -> StorageRoot:
    from django.conf import settings

    from captures.models import StorageRoot

    folder = tmp_path / "root"
    folder.mkdir()
    return StorageRoot.objects.create(host=settings.STATION.host, path=str(folder))


@pytest.fixture
def world(camera: Camera, root: StorageRoot) -> World:
    """The six people of the route table, and one object of each kind."""
    from tests.harness.clients.people import World

    return World(camera, root)


@pytest.fixture
def file(camera: Camera, root: StorageRoot) -> CaptureFile:
    from tests.harness.rows.captures import file_of, saved

    return file_of(saved(camera), root)


@pytest.fixture
def file_url(file: CaptureFile) -> str:
    return f"/api/v1/captures/{file.capture_id}/file/"


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    """The station's broker, without a camera host."""
    from django.conf import settings

    from cameras.broker import broker
    from skycam_project.launch.valkey import station_command

    server = subprocess.Popen(station_command(settings.STATION), stdout=subprocess.DEVNULL)
    try:
        eventually(broker.connection().ping)
        yield broker.connection()
    finally:
        broker.connection().close()
        server.terminate()
        server.wait(40)


@pytest.fixture(autouse=True)
def no_tries_counted() -> None:
    """Reset the count of sign-in attempts: its fallback lives as long as the process."""
    from django.core.cache.backends.locmem import LocMemCache

    LocMemCache("sign-in", {}).clear()
