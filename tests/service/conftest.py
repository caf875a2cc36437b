from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.stations.service_station import DOTENV, TIMEOUT_MS, ServiceStation


@pytest.fixture(scope="package")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceStation]:
    """With the simulated camera, and the `.env` of the service that it replaces. Its pages take any host name."""
    folder = tmp_path_factory.mktemp("service")
    (folder / ".env").write_text(DOTENV)
    station = ServiceStation(folder / "data", SERVICE_TIMEOUT=str(TIMEOUT_MS), SKYCAM_WEB__ALLOWED_HOSTS="*")
    try:
        yield station.up()
    finally:
        station.ensure_stopped()
