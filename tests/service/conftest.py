from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.stations.pixelink_service import DOTENV
from tests.harness.stations.station import WITH_SERVICE, Station
from tests.harness.waiting import eventually

PATIENT_MS = "60000"
"""A SERVICE_TIMEOUT with which captures are answered in time on a busy machine, too."""


@pytest.fixture(scope="package")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """With the simulated camera, and the `.env` of the service that it replaces. Its pages take any host name."""
    folder = tmp_path_factory.mktemp("service")
    (folder / ".env").write_text(DOTENV)
    station = Station(folder / "data", SERVICE_TIMEOUT=PATIENT_MS, SKYCAM_WEB__ALLOWED_HOSTS="*", **WITH_SERVICE)
    try:
        station.up()
        eventually(station.service.is_connected, "the camera is connected")
        yield station
    finally:
        station.ensure_stopped()
