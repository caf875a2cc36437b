"""Neither PostgreSQL nor the broker answers for a while: sessions go on, and all their rows appear afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.postgresql import own_server, server_away
from tests.harness.scenarios.two_hosts import SharedDatabase
from tests.harness.stations.http_client import HttpClient
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CADENCE_S = 0.5


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    data = tmp_path_factory.mktemp("alone") / "data"
    with own_server() as address:
        station = Station(data, SharedDatabase(address), DATABASE_URL=address, REDIS_URL=f"unix://{broker.socket}")
        try:
            station.up_with_camera()
            yield station
        finally:
            station.ensure_stopped()


def waiting_records(station: Station) -> int:
    return len([*station.data.rglob(".spool/*/*.done")])


def account(station: Station, session: str) -> dict[str, Any]:
    found: dict[str, Any] = station.api.get(f"sessions/{session}/")
    return found


def is_ready(station: Station) -> bool:
    return HttpClient(station.port).request("GET", "/readyz").status == 200


@pytest.mark.parametrize("away_s", [10, pytest.param(60, marks=pytest.mark.prove)])
def test_a_session_goes_on_without_database_and_broker(station: Station, broker: Broker, away_s: int) -> None:
    station.cameras.eventually_ready()
    session = station.cameras.start_session(cadence_s=CADENCE_S)
    missed = away_s / CADENCE_S
    with broker.gone(), server_away(station.environment["DATABASE_URL"]):
        before = waiting_records(station)
        eventually(lambda: waiting_records(station) > before + missed, "records wait in the spool", takes_s=away_s)
        assert not is_ready(station)
    eventually(lambda: is_ready(station), "the station is ready again")
    eventually(lambda: station.api.call("POST", "cameras/simulated/stop/").status == 200, "it is stopped")
    station.spools.eventually_settled()
    station.cameras.assert_lost_nothing(session)
    assert account(station, session)["saved"] >= missed
    assert station.spools.inconsistencies() == []
