"""The service part alone, without a broker and with a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.stations.station import WITH_SERVICE, Station
from tests.harness.waiting import eventually

TOKEN = "a-token-for-programs"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("alone")
    station = Station(folder / "data", SERVICE_TOKEN=TOKEN, SKYCAM_SERVICE__HOST="0.0.0.0")
    station.prepare()
    try:
        station.start("service")
        eventually(station.service.answers, "the service answers")
        yield station
    finally:
        station.ensure_stopped()


def test_without_a_broker_it_is_unhealthy(alone: Station) -> None:
    answer = alone.service.request("GET", "/health", **WITH_TOKEN)
    assert answer.status == 503
    assert answer.body["status"] == "unhealthy"
    assert answer.body["camera_connected"] is False


@pytest.mark.parametrize(("method", "path"), [("GET", "/settings"), ("PUT", "/settings"), ("GET", "/video/feed")])
def test_without_a_broker_the_cameras_state_is_unknown(alone: Station, method: str, path: str) -> None:
    answer = alone.service.request(method, path, {}, **WITH_TOKEN)
    assert answer.status == 503
    assert answer.body["detail"].startswith("The station's broker")


def test_without_a_broker_a_capture_has_its_outcome_with_the_answer(alone: Station) -> None:
    answer = alone.service.request("POST", "/capture", {"exposure": 1234}, **WITH_TOKEN)
    assert answer.status == 503
    assert answer.body["detail"][:20] == "The station's broker"
    sql = "SELECT status, reason, requested_by FROM captures_capture WHERE asked LIKE '%1234%'"
    assert alone.database.rows(sql) == [("failed", "host_down", "service")]


def test_the_list_needs_no_broker(alone: Station) -> None:
    assert alone.service.request("GET", "/captures/list", **WITH_TOKEN).status == 200


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer another-token-of-20", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/capture"), ("GET", "/video/feed")])
def test_a_request_without_the_token_is_refused(alone: Station, method: str, path: str, sent: str) -> None:
    answer = alone.service.request(method, path, {}, Authorization=sent)
    assert answer.status == 401
    assert answer.body == {"detail": "Not authenticated"}
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
def test_the_token_is_accepted_after_either_word(alone: Station, scheme: str) -> None:
    assert alone.service.request("GET", "/captures/list", Authorization=f"{scheme} {TOKEN}").status == 200


def test_the_openapi_document_needs_no_token(alone: Station) -> None:
    assert [alone.service.request("GET", path).status for path in ("/docs", "/openapi.json")] == [200, 200]


def test_with_a_token_it_listens_on_the_configured_address(alone: Station) -> None:
    connections = alone.part("service").net_connections("tcp")
    assert [connection.laddr.ip for connection in connections if connection.status == "LISTEN"] == ["0.0.0.0"]


def test_the_token_is_not_logged(alone: Station) -> None:
    assert alone.service.request("GET", "/health", **WITH_TOKEN).status == 503
    assert TOKEN not in alone.output()


def test_the_first_capture_of_a_new_station_uses_the_configured_defaults(tmp_path: Path) -> None:
    station = Station(tmp_path / "data", DEFAULT_EXPOSURE="20000", DEFAULT_GAIN="2.0", **WITH_SERVICE)
    try:
        station.up()
        station.cameras.eventually_ready()
        captured = station.service.capture().body
    finally:
        station.ensure_stopped()
    assert captured["exposureTime"] == 20_000
    assert captured["gain"] == 2.0
