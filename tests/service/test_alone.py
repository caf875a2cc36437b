"""The service part alone, without a broker and with a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.stations import ServiceStation
from tests.skycam_project.stations import Station, eventually

TOKEN = "a-token-for-programs"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceStation]:
    folder = tmp_path_factory.mktemp("alone")
    station = ServiceStation(folder / "data", SERVICE_TOKEN=TOKEN, SKYCAM_SERVICE__HOST="0.0.0.0")
    station.prepare()
    try:
        station.start("service")
        eventually(station.answers, 30, "the service answers")
        yield station
    finally:
        station.ensure_stopped()


def test_without_a_broker_it_is_unhealthy(alone: ServiceStation) -> None:
    answer = alone.ask("GET", "/health", **SHOWN)
    assert (answer.status, answer.body["status"], answer.body["camera_connected"]) == (503, "unhealthy", False)


@pytest.mark.parametrize(("method", "path"), [("GET", "/settings"), ("PUT", "/settings"), ("GET", "/video/feed")])
def test_without_a_broker_nothing_is_known_of_the_camera(alone: ServiceStation, method: str, path: str) -> None:
    answer = alone.ask(method, path, {}, **SHOWN)
    assert answer.status == 503
    assert answer.body["detail"].startswith("The station's broker")


def test_without_a_broker_a_capture_has_its_outcome_at_once(alone: ServiceStation) -> None:
    answer = alone.ask("POST", "/capture", {}, **SHOWN)
    assert (answer.status, answer.body["detail"][:20]) == (503, "The station's broker")
    asked = "SELECT status, reason, requested_by FROM captures_capture ORDER BY planned_at DESC LIMIT 1"
    assert alone.rows(asked) == [("failed", "host_down", "service")]


def test_the_list_needs_no_broker(alone: ServiceStation) -> None:
    assert alone.ask("GET", "/captures/list", **SHOWN).status == 200


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer another-token-of-20", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("POST", "/capture"), ("GET", "/video/feed")])
def test_who_does_not_show_the_token_is_refused(alone: ServiceStation, method: str, path: str, shown: str) -> None:
    answer = alone.ask(method, path, {}, Authorization=shown)
    assert (answer.status, answer.body) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_description_of_the_routes_is_open(alone: ServiceStation) -> None:
    assert [alone.ask("GET", path).status for path in ("/docs", "/openapi.json")] == [200, 200]


def test_with_a_token_it_listens_on_its_configured_host(alone: ServiceStation) -> None:
    connections = alone.service().net_connections("tcp")
    assert [connection.laddr.ip for connection in connections if connection.status == "LISTEN"] == ["0.0.0.0"]


def test_the_token_is_in_no_log(alone: ServiceStation) -> None:
    assert TOKEN not in alone.output()


def test_the_first_capture_of_a_new_station_has_the_defaults_of_the_configuration(tmp_path: Path) -> None:
    station = ServiceStation(tmp_path / "data", DEFAULT_EXPOSURE="20000", DEFAULT_GAIN="2.0")
    try:
        Station.up(station)
        eventually(
            lambda: station.web("GET", "cameras/simulated/status/").body["observed"] == "ready", 20, "it is ready"
        )
        captured = station.capture().body
    finally:
        station.ensure_stopped()
    assert (captured["exposureTime"], captured["gain"]) == (20_000, 2.0)
