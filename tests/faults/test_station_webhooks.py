"""Web-hooks of a station whose jobs part is killed during an attempt, or whose broker is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.far_ends.webhook_receiver import WebhookReceiver, hang, in_turn, receiving, status
from tests.harness.kills.faults import kill
from tests.harness.stations.outside_broker import Broker, station_beside
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

AFTER_THE_LEASE_S = 90.0
"""The lease of 30 s, and the restart of the part."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("webhooks") / "data"
    with station_beside(broker, folder) as station:
        yield station


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(status(200)) as found:
        yield found


@pytest.fixture
def webhook(station: Station, receiver: WebhookReceiver) -> Iterator[str]:
    """The path of a web-hook that gets the changes of cameras."""
    body = {"name": "lab", "url": receiver.url, "kinds": ["camera.changed"]}
    path = f"webhooks/{station.api.ask('POST', 'webhooks/', body)['id']}/"
    yield path
    station.api.ask("DELETE", path)


def deliveries(station: Station, webhook: str, state: str) -> list[Any]:
    found: list[Any] = station.api.ask("GET", f"{webhook}deliveries/?state={state}")["results"]
    return found


def rename(station: Station, name: str) -> None:
    station.api.ask("PATCH", "cameras/simulated/", {"name": name})


def test_a_delivery_whose_process_is_killed_during_the_attempt_comes_again(
    station: Station, receiver: WebhookReceiver, webhook: str
) -> None:
    receiver.answer = in_turn(hang, status(200))
    rename(station, "First")
    eventually(lambda: receiver.received)
    kill(station, "jobs")
    delivered = eventually(lambda: deliveries(station, webhook, "delivered"))
    first, second = receiver.received
    assert first.headers["Skycam-Delivery"] == second.headers["Skycam-Delivery"] == delivered[0]["id"]
    attempts = station.api.ask("GET", f"{webhook}deliveries/{delivered[0]['id']}/")["attempts"]
    assert [attempt["status"] for attempt in attempts] == [200, None]


def test_an_event_that_was_written_while_the_jobs_part_was_away_is_delivered(
    station: Station, receiver: WebhookReceiver, webhook: str
) -> None:
    kill(station, "jobs")
    rename(station, "Second")
    eventually(lambda: receiver.received)
    eventually(lambda: deliveries(station, webhook, "delivered"))


def test_an_event_is_delivered_while_the_broker_is_away(
    station: Station, receiver: WebhookReceiver, webhook: str, broker: Broker
) -> None:
    with broker.gone():
        rename(station, "Third")
        eventually(lambda: receiver.received)
