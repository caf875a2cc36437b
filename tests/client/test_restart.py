"""A client while the web part of its station is killed and starts again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skycam_client import Client
from tests.harness.stations.station import Station


@pytest.fixture
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("client") / "data")
    try:
        yield station.up_with_camera()
    finally:
        station.ensure_stopped()


def test_captures_and_live_pictures_go_on_when_the_web_part_was_killed(station: Station) -> None:
    with Client(f"http://127.0.0.1:{station.port}", station.api.token) as client:
        pictures = client.live.pictures("simulated", "low")
        before = next(pictures)
        station.part("web").kill()
        capture = client.captures.take("simulated", exposure_us=1000, job="across")
        assert capture.status == "saved"
        assert next(pictures).captured > before.captured
        found = [one.id for one in client.captures.list(camera="simulated") if one.job == "across"]
    assert found == [capture.id]
