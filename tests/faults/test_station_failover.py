"""Other servers take over from a PostgreSQL and a Redis that were killed: the station goes on, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.failover import PostgresqlPair, RedisPair, postgresql_pair, redis_pair
from tests.harness.scenarios.two_hosts import SharedDatabase
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

PROGRAMME = {"exposure_us": 1000, "cadence_s": 0.5}


@dataclass
class Pairs:
    """A station with a camera whose database and broker have somebody to take over."""

    station: Station
    postgresql: PostgresqlPair
    redis: RedisPair

    def account(self, session: str) -> dict[str, Any]:
        found: dict[str, Any] = self.station.api.get(f"sessions/{session}/")
        return found


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Pairs]:
    with ExitStack() as ends:
        (tmp_path / "redis").mkdir()
        postgresql = ends.enter_context(postgresql_pair())
        redis = ends.enter_context(redis_pair(tmp_path / "redis"))
        addresses = {"DATABASE_URL": postgresql.address, "REDIS_URL": redis.address}
        station = Station(tmp_path / "data", SharedDatabase(postgresql.address), **addresses)
        ends.callback(station.ensure_stopped)
        station.up_with_camera()
        yield Pairs(station, postgresql, redis)


@pytest.mark.prove
def test_a_session_goes_on_while_other_servers_take_over(pairs: Pairs) -> None:
    session = pairs.station.cameras.start_session(**PROGRAMME)
    eventually(lambda: pairs.account(session)["saved"] > 2, "it captures")
    pairs.postgresql.fail_over()
    before = eventually(lambda: pairs.account(session)["saved"], "the new primary has its rows")
    eventually(lambda: pairs.account(session)["saved"] > before + 2, "the new primary gets rows")
    pairs.redis.kill_master()
    eventually(pairs.redis.is_promoted, "the replica is the master")
    eventually(lambda: pairs.station.cameras.capture().status == 201, "the new master passes commands")
    eventually(lambda: pairs.station.api.call("POST", "cameras/simulated/stop/").status == 200, "it is stopped")
    pairs.station.spools.eventually_settled()
    pairs.station.cameras.assert_lost_nothing(session)
    assert pairs.station.spools.inconsistencies() == []
