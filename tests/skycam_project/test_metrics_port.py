"""The port of a host: who may read it, what it answers to nonsense, and what it does while the database is away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from core.collection_errors import CollectionErrors
from monitoring.metrics import render
from skycam_project.launch import metrics_port as server
from skycam_project.launch.metrics_port import MetricsPage, StationMetrics
from tests.harness.waiting import PATIENCE_S, eventually

TOKEN = "a-token-of-metrics-16"
BODY = b"skycam_frames 1\n"
IDLE_S = 0.3
"""How long a client may send nothing."""
COLLECTION_S = 0.1
"""How long a database that hangs is waited for."""
Get = Callable[..., HTTPResponse]


def get(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request(method, path, headers=headers)
    return connection.getresponse()


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Starts a server with the token; returns its port."""
    servers: list[tuple[server.MetricsServer, threading.Thread]] = []

    def start(token: str = "") -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        one = server.MetricsServer(lambda: BODY, token)
        thread = threading.Thread(target=one.serve, args=[listening])
        thread.start()
        servers.append((one, thread))
        port: int = listening.getsockname()[1]
        return port

    yield start
    for one, thread in servers:
        one.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def raw(port: int, request: bytes) -> bytes:
    """The answer; empty if the server ends the connection, which it may do while the request is still being sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client, suppress(ConnectionError):
        client.sendall(request)
        return client.recv(1000)
    return b""


def test_metrics_are_served_to_programs_of_this_machine(serve: Callable[..., int]) -> None:
    answer = get(serve())
    assert answer.status == 200
    assert answer.read() == BODY
    assert answer.headers["Content-Type"].startswith("text/plain; version=")


def test_a_name_that_was_made_to_mean_this_machine_is_refused(serve: Callable[..., int]) -> None:
    assert get(serve(), Host="evil.example").status == 401


@pytest.mark.parametrize("sent", ["", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "Bearer \xe9"])
def test_with_a_token_nothing_else_may_read(sent: str, serve: Callable[..., int]) -> None:
    answer = get(serve(TOKEN), Authorization=sent)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Skycam"'
    assert BODY not in answer.read()


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
def test_the_token_may_read(scheme: str, serve: Callable[..., int]) -> None:
    assert get(serve(TOKEN), Authorization=f"{scheme} {TOKEN}", Host="camera-host.example").status == 200


def test_head_has_no_body(serve: Callable[..., int]) -> None:
    answer = get(serve(), method="HEAD")
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert answer.read() == b""


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/metrics", 405), ("GET", "/", 404), ("GET", "/metrics/../x", 404)]
)
def test_there_is_nothing_else(method: str, path: str, status: int, serve: Callable[..., int]) -> None:
    assert get(serve(), path, method).status == status


@pytest.mark.parametrize(
    "request_",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\x00 \x00 HTTP/9\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: [\r\n\r\n"],
)
def test_nonsense_is_refused(request_: bytes, serve: Callable[..., int]) -> None:
    assert raw(serve(), request_).split(b" ")[1] in {b"400", b"401"}


def test_a_head_that_never_ends_is_cut_off(serve: Callable[..., int]) -> None:
    assert raw(serve(), b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 10_000) == b""


def test_clients_that_send_nothing_do_not_lock_out_the_next_one(
    serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_S", IDLE_S)
    address = ("127.0.0.1", serve())
    with ExitStack() as opened:
        idle = [opened.enter_context(socket.create_connection(address, PATIENCE_S)) for _ in range(server.CONNECTIONS)]
        assert [client.recv(1) for client in idle] == [b""] * len(idle)
        monkeypatch.setattr(server, "REQUEST_S", PATIENCE_S)
        assert get(address[1]).status == 200


class Hanging(Collector):
    """A database that does not answer until it is released."""

    def __init__(self) -> None:
        self.released, self.collections = threading.Event(), 0

    def collect(self) -> list[Metric]:
        self.collections += 1
        self.released.wait(PATIENCE_S)
        return [GaugeMetricFamily("skycam_alerts", "Alerts.", value=3)]


def values(text: bytes) -> dict[str, Any]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


class Known(Collector):
    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("skycam_outbox_length", "Writes.", value=time.monotonic())]


def test_what_the_host_knows_is_served_while_the_database_hangs() -> None:
    database = Hanging()
    errors = CollectionErrors()
    station = StationMetrics(database, wait_s=COLLECTION_S, collection_errors=errors)
    first, second = values(render([station, Known()])), values(render([station, Known()]))
    assert first["skycam_outbox_length"] < second["skycam_outbox_length"]
    assert "skycam_alerts" not in first
    assert errors.number == 2
    assert database.collections == 1
    database.released.set()


def test_what_was_left_out_comes_back_with_the_database() -> None:
    database = Hanging()
    station = StationMetrics(database, wait_s=COLLECTION_S, collection_errors=CollectionErrors())
    render([station])
    database.released.set()
    assert eventually(lambda: values(render([station])).get("skycam_alerts")) == 3


class Broken(Collector):
    """Fails at its first collection."""

    def __init__(self) -> None:
        self.collections = 0

    def collect(self) -> list[Metric]:
        self.collections += 1
        if self.collections == 1:
            # As the socket of a database raises it: it does not mean that the wait has ended.
            raise TimeoutError
        return [GaugeMetricFamily("skycam_alerts", "Alerts.", value=3)]


def test_a_collection_that_failed_leaves_the_others_and_is_made_again() -> None:
    station = StationMetrics(Broken(), wait_s=PATIENCE_S, collection_errors=CollectionErrors())
    first, second = values(render([station, Known()])), values(render([station, Known()]))
    assert first.keys() == {"skycam_outbox_length"}
    assert second["skycam_alerts"] == 3


def test_an_answer_is_given_again_within_a_second() -> None:
    page = MetricsPage([Known()])
    assert page.render() == page.render()
