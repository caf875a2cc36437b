"""Off-site copies of a whole station: to a real S3 server that is down for a while and corrupts an upload, and over
SFTP to a real sshd, while parts of the station are killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.harness.far_ends.offsite.faulty_proxy import FaultyProxy, corrupt, once
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS, client, s3_server
from tests.harness.far_ends.offsite.sshd import Sshd
from tests.harness.kills.faults import end_leases, kill
from tests.harness.rows.station_rows import put_clip
from tests.harness.stations.http_client import AWAY, Refused
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

STARTED = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
LATER = timedelta(minutes=10)
FILMS = [os.urandom(300_000 + number) for number in range(4)]
RETRIED_S = 60.0
"""After some failures the next attempt is up to a minute later."""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture(scope="module")
def proxy(server: int) -> Iterator[FaultyProxy]:
    found = FaultyProxy(server)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    found = Sshd(tmp_path_factory.mktemp("sshd"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """With four clips."""
    station = Station(tmp_path_factory.mktemp("offsite") / "data", **ANY_NUMBER_OF_KILLS)
    try:
        station.up()
        for number, film in enumerate(FILMS):
            put_clip(station, STARTED + number * LATER, film, 60)
        yield station
    finally:
        station.ensure_stopped()


def add(station: Station, kind: str, settings: dict[str, Any], secret: dict[str, Any]) -> str:
    """The path of a new destination that was tested."""
    body = {"name": kind, "kind": kind, "classes": ["rolling_clip"], "settings": settings, "secret": secret}
    path = f"offsite/destinations/{station.api.ask('POST', 'offsite/destinations/', body)['id']}/"
    job = station.api.ask("POST", f"{path}test/", {"host": "main"})["id"]
    eventually(lambda: station.api.get(f"jobs/{job}/")["state"] == "done", "it was tested")
    return path


def verified(station: Station, path: str) -> int:
    """How many copies are; 0 while no one answers."""
    destination = path.rstrip("/").rpartition("/")[2]
    query = f"offsite/copies/?destination={destination}&state=verified"
    with suppress(*AWAY, Refused):
        return len(station.api.ask("GET", query)["results"])
    return 0


def events(station: Station, kind: str) -> list[Any]:
    return list(station.api.get(f"events/?kind={kind}")["results"])


def alerts(station: Station, beginning: str) -> list[str]:
    found = [one["key"] for one in station.api.get("alerts/")["results"] if one["state"] != "resolved"]
    return [key for key in found if key.startswith(beginning)]


def stored_in_bucket(server: int) -> list[bytes]:
    found: Any = client(server)
    keys = [one["Key"] for one in found.list_objects_v2(Bucket=BUCKET).get("Contents", []) if ".mp4" in one["Key"]]
    return sorted(found.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)


@pytest.mark.prove
def test_a_bucket_that_is_down_for_a_while_and_corrupts_an_upload_gets_each_clip_whole(
    station: Station, proxy: FaultyProxy, server: int
) -> None:
    place = {"endpoint": f"http://127.0.0.1:{proxy.port}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    proxy.faults.append(once(corrupt, lambda request: ".mp4" in request.path))
    path = add(station, "s3", place, {"secret_key": KEYS["secret_key"]})
    eventually(lambda: verified(station, path) >= 1, "a copy", RETRIED_S)
    proxy.stop()
    put_clip(station, STARTED + 10 * LATER, FILMS[0][::-1], 60)
    eventually(lambda: alerts(station, "offsite.failing:"), "the alert of a server that is down")
    kill(station, "jobs")
    end_leases(station, "core_job")
    proxy.start()
    eventually(lambda: verified(station, path) == len(FILMS) + 1, "all are verified", RETRIED_S)
    assert stored_in_bucket(server) == sorted([*FILMS, FILMS[0][::-1]])
    eventually(lambda: events(station, "offsite.damaged"), "the event of the damage")
    assert len(events(station, "offsite.damaged")) == 1
    eventually(lambda: not alerts(station, "offsite."), lambda: alerts(station, "offsite."))


def test_an_sshd_gets_each_clip_whole_although_the_station_is_killed(station: Station, sshd: Sshd) -> None:
    path = add(station, "sftp", sshd.settings, sshd.secret)
    eventually(lambda: verified(station, path) >= 1, "a copy")
    kill(station, "all")
    end_leases(station, "core_job")
    eventually(lambda: verified(station, path) >= len(FILMS), "all are verified", RETRIED_S)
    stored = {file.read_bytes() for file in sshd.folder.glob("copies/**/*.mp4")}
    assert set(FILMS) <= stored
