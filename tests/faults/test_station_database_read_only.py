"""PostgreSQL is read-only for a while, as after a fail-over to a standby: nothing is lost, and the log is short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.harness.postgresql import execute, own_server
from tests.harness.stations.http_client import Answer, HttpClient
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

SESSION = {"exposure_us": 1000, "cadence_s": 0.5}
pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with own_server() as address:
        station = Station(tmp_path_factory.mktemp("read-only") / "data", DATABASE_URL=address)
        try:
            station.up_with_camera()
            yield station
        finally:
            station.ensure_stopped()


@contextmanager
def read_only(station: Station) -> Iterator[None]:
    server = Path(unquote(urlsplit(station.environment["DATABASE_URL"]).netloc.partition("@")[2]))
    set_read_only(server, "on")
    try:
        yield
    finally:
        set_read_only(server, "off")


def set_read_only(server: Path, value: str) -> None:
    # It is a superuser's, and no write of a transaction.
    execute(server, f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    execute(server, "SELECT pg_reload_conf()")


def saved(station: Station, session: str) -> int:
    found: int = station.api.get(f"sessions/{session}/")["saved"]
    return found


def waiting_records(station: Station) -> int:
    return len([*station.data.rglob(".spool/*/*.done")])


def has_ended(station: Station, session: str) -> bool:
    return bool(station.api.get(f"sessions/{session}/")["ended"]) and not waiting_records(station)


def readiness(station: Station) -> Answer:
    return HttpClient(station.port).request("GET", "/readyz")


def test_a_read_only_database_is_503_and_loses_no_capture(station: Station) -> None:
    session = station.cameras.start_session(**SESSION)
    eventually(lambda: saved(station, session) > 2, "it captures")
    with read_only(station):
        not_ready = eventually(lambda: (answer := readiness(station)).status == 503 and answer, "it is not ready")
        eventually(lambda: waiting_records(station) > 2, "captures wait in the spool")
        refused = station.api.call("PATCH", "cameras/simulated/", {"name": "All sky"})
    assert (refused.status, refused.body["type"]) == (503, "/problems/database-down")
    assert "read-only" in refused.body["detail"]
    assert not_ready.body["problems"] == ["database"]
    eventually(lambda: readiness(station).status == 200, "it is ready again")
    station.api.call("POST", "cameras/simulated/stop/")
    eventually(lambda: has_ended(station, session), "the session has ended")
    station.cameras.assert_lost_nothing(session)


def test_an_outage_of_the_database_is_no_traceback_in_the_log(station: Station) -> None:
    with read_only(station):
        eventually(lambda: "The database does not answer" in station.log(), "the outage is in the log")
        eventually(lambda: readiness(station).status == 503, "it is not ready")
    assert "Traceback" not in station.log()
