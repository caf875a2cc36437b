"""Clients of a running station, as its administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from skycam_client import AsyncClient, Client
from tests.harness.stations.station import Station


@pytest.fixture(scope="module")
def client(plain_station: Station) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{plain_station.port}", plain_station.api.token) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(plain_station: Station) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(f"http://127.0.0.1:{plain_station.port}", plain_station.api.token) as client:
        yield client


@pytest.fixture(scope="module")
def camera(plain_station: Station) -> Iterator[str]:
    """The id of a camera of its own, ready."""
    with plain_station.cameras.added() as slug:
        yield slug
