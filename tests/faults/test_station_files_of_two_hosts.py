"""Files of a camera host on another machine, asked for at the main machine's web."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.postgresql import postgresql
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

pytestmark = pytest.mark.timeout(400)
SCENE = {"scene": "chart", "width": 320, "height": 240}


@pytest.fixture(scope="module")
def shared(broker: Broker) -> Iterator[dict[str, str]]:
    with postgresql() as address:
        yield {"DATABASE_URL": address, "REDIS_URL": f"unix://{broker.socket}"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, str]) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("main") / "data", **shared, **ANY_NUMBER_OF_KILLS)
    try:
        yield station.up()
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def dome(tmp_path_factory: pytest.TempPathFactory, station: Station, shared: dict[str, str]) -> Iterator[Station]:
    """A camera host on another machine, with a camera."""
    variables = {"SKYCAM_HOST": "dome", **station.shared_identity}
    host = Station(tmp_path_factory.mktemp("dome") / "data", **shared, **variables, **ANY_NUMBER_OF_KILLS)
    try:
        host.start(only="worker")
        added = {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome", "settings": SCENE}
        assert station.api.post("cameras/", added).status == 201
        station.cameras.eventually_ready("dome")
        yield host
    finally:
        host.ensure_stopped()


@pytest.fixture
def capture(station: Station, dome: Station) -> dict[str, Any]:
    return dict(station.cameras.saved_capture("dome"))


def thumbnail_of(station: Station, path: str) -> bytes:
    """Empty while it is not rendered."""
    answer = station.api.call("GET", path)
    return bytes(answer.body) if answer.status == 200 else b""


def file_of(capture: dict[str, Any], dome: Station) -> bytes:
    [path] = dome.data.glob(f"images/captures/dome/**/{capture['filename']}")
    return path.read_bytes()


def test_the_web_of_another_machine_sends_a_picture_and_its_thumbnail(
    station: Station, dome: Station, capture: dict[str, Any]
) -> None:
    answer = station.api.call("GET", f"captures/{capture['id']}/file/")
    assert answer.status == 200
    assert answer.body == file_of(capture, dome)
    assert hashlib.sha256(answer.body).hexdigest() == capture["sha256"]
    thumbnail = eventually(lambda: thumbnail_of(station, f"captures/{capture['id']}/thumbnail/"), "the thumbnail")
    assert thumbnail.startswith(b"\xff\xd8")
