"""Whole stations on a real PostgreSQL: their connections are few and named, and suffice when the server is full."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.harness.pgbouncer import PgBouncer, pgbouncer
from tests.harness.postgresql import postgresql
from tests.harness.scenarios.two_hosts import SharedDatabase, host_named
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

MOST = 4
PARTS = {"web", "worker", "cameras", "jobs", "beat", "sensors"}
AT_ONCE = 24
BY_NAME = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'skycam/%' GROUP BY 1
"""
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
Asked = Callable[[str], list[tuple[str, int]]]


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture
def ask(database: str) -> Asked:
    """As the server's administrator, who always finds a place."""

    def rows(statement: str) -> list[tuple[str, int]]:
        with psycopg.connect(database, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    return rows


@contextmanager
def station_at(address: str, folder: Path, database: str) -> Iterator[Station]:
    """`address` is its own way to the database."""
    station = Station(folder / "data", SharedDatabase(database), DATABASE_URL=address)
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


@contextmanager
def limited_user(ask: Asked, limit: int) -> Iterator[str]:
    """A user of the server that has this number of places there."""
    name = f"limited_{secrets.token_hex(4)}"
    ask(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit} IN ROLE skycam")
    try:
        yield name
    finally:
        ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{name}'")
        ask(f"DROP ROLE {name}")


def statuses_of_many_requests(station: Station) -> set[int]:
    with ThreadPoolExecutor(AT_ONCE) as clients:
        found = clients.map(lambda _: station.api.call("GET", "captures/").status, range(AT_ONCE * 3))
        return set(found)


def captures(station: Station) -> bool:
    return bool(station.cameras.capture().status == 201)


def test_each_part_has_at_most_four_connections_and_they_have_its_name(
    tmp_path: Path, database: str, ask: Asked
) -> None:
    with station_at(database, tmp_path, database) as station:
        assert statuses_of_many_requests(station) == {200}
        found = dict(ask(BY_NAME))
        host = station.config.host
    assert found.keys() <= {f"skycam/{host}/{part}" for part in {*PARTS, "job", "command"}}
    assert {f"skycam/{host}/web", f"skycam/{host}/cameras"} <= found.keys()
    assert max(found.values()) <= MOST


@pytest.mark.prove
def test_a_station_with_fewer_places_than_it_wants_is_slow_but_alive(tmp_path: Path, database: str, ask: Asked) -> None:
    with (
        limited_user(ask, limit=6) as user,
        station_at(database.replace("skycam@", f"{user}@"), tmp_path, database) as station,
    ):
        assert 200 in statuses_of_many_requests(station)
        eventually(lambda: captures(station), "a capture is saved")
        ask(TERMINATE)
        eventually(lambda: statuses_of_many_requests(station) == {200}, "all pages are there again")
        assert station.states() == {"running"}


@pytest.mark.prove
def test_connections_that_the_server_ends_come_back(tmp_path: Path, database: str, ask: Asked) -> None:
    with station_at(database, tmp_path, database) as station:
        ask(TERMINATE)
        eventually(lambda: statuses_of_many_requests(station) == {200}, "all pages are there")
        eventually(lambda: captures(station), "a capture is saved")
        assert station.states() == {"running"}


def test_a_station_works_through_pgbouncer_and_survives_its_restart(tmp_path: Path, database: str) -> None:
    with pgbouncer(database, connections=3) as pooler, station_at(pooler.address, tmp_path, database) as station:
        assert statuses_of_many_requests(station) == {200}
        assert captures(station)
        restart(pooler)
        eventually(lambda: captures(station), "captures again")
        assert station.states() == {"running"}


def restart(pooler: PgBouncer) -> None:
    pooler.stop()
    pooler.start()


@contextmanager
def hosts_at(folder: Path, address: str, *others: str) -> Iterator[Station]:
    """The station of a main machine and of `others`, each with a camera of its own name that is ready."""
    (folder / "broker").mkdir()
    broker = Broker(folder / "broker")
    shared = {
        "REDIS_URL": f"unix://{broker.socket}", "SKYCAM_STATION": "lab",
        "SKYCAM_ADDRESS_SECRET": "of-the-station-" * 3,
    }  # fmt: skip
    for name in ("main", *others):
        (folder / name).mkdir()
    main, *far = (host_named(name, folder, address, **shared) for name in ("main", *others))
    try:
        main.up()
        for name, host in zip(others, far, strict=True):
            host.start(only="worker")
            added = {"slug": name, "kind": "simulated", "host": name}
            eventually(lambda added=added: main.api.post("cameras/", added).status in {201, 409}, "the camera is added")
            main.cameras.eventually_ready(name)
        yield main
    finally:
        for station in (main, *far):
            station.ensure_stopped()
        broker.kill()


@pytest.mark.prove
def test_two_hosts_share_a_few_places(tmp_path: Path, database: str, ask: Asked) -> None:
    with (
        limited_user(ask, limit=8) as user,
        hosts_at(tmp_path, own_way(database, user), "bravo") as station,
    ):
        assert 200 in statuses_of_many_requests(station)
        eventually(lambda: station.cameras.capture("bravo").status == 201, "the other host captures")


@pytest.mark.prove
def test_a_main_machine_and_three_hosts_share_sixty_places(tmp_path: Path, database: str, ask: Asked) -> None:
    hosts = ("bravo", "delta", "golf")
    with (
        limited_user(ask, limit=57) as user,  # what max_connections = 60 leaves: three are for administrators
        hosts_at(tmp_path, own_way(database, user), *hosts) as station,
    ):
        sessions = {name: station.cameras.start_session(name, cadence_s=1.0) for name in hosts}
        assert statuses_of_many_requests(station) == {200}
        found = dict(ask(BY_NAME))
        assert sum(found.values()) <= 57
        assert {name.split("/")[1] for name in found} == {"main", *hosts}
        for name, session in sessions.items():
            eventually(lambda session=session: account(station, session)["saved"] > 2, f"{name} saves")
            station.api.post(f"cameras/{name}/stop/")
            eventually(lambda session=session: account(station, session)["state"] == "stopped", f"{name} is stopped")
            station.cameras.assert_lost_nothing(session)


def account(station: Station, session: str) -> dict[str, Any]:
    return dict(station.api.get(f"sessions/{session}/"))


def own_way(database: str, user: str) -> str:
    return database.replace("skycam@", f"{user}@")
