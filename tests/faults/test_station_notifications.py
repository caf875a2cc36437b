"""Notifications and web-hooks of a station whose jobs part is killed while it sends, or whose broker is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.far_ends.mail_server import mail_server
from tests.harness.far_ends.webhook_receiver import WebhookReceiver, hang, in_turn, receiving, status
from tests.harness.kills.faults import end_leases, kill
from tests.harness.rows.notifications import SECRET
from tests.harness.stations.outside_broker import Broker, station_beside
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

RAISE = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()
from core.events.service import raise_alert
raise_alert(*{arguments!r}, camera=None)
"""
API = "notifications/"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("notifications") / "data"
    with station_beside(broker, folder) as station:
        yield station


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(status(200)) as found:
        yield found


def add(station: Station, kind: str, settings: dict[str, Any]) -> str:
    """The path of a channel that gets the alerts of the test."""
    channel = station.api.ask("POST", f"{API}channels/", {"name": kind, "kind": kind, "settings": settings})["id"]
    route = {"name": kind, "channel": channel, "group_wait_s": 0, "key_prefix": "test."}
    station.api.ask("POST", f"{API}routes/", route)
    return f"{API}channels/{channel}/"


def raise_alert(station: Station, key: str) -> None:
    """In a process of its own, as any part of the station does."""
    station.run("-c", RAISE.format(arguments=(key, "The dome is open.")))


@pytest.fixture
def channel(station: Station, receiver: WebhookReceiver) -> Iterator[str]:
    path = add(station, "webhook", {"url": receiver.url, "secret": SECRET})
    yield path
    station.api.ask("DELETE", path)


def sent_to(station: Station, channel: str) -> list[Any]:
    found: list[Any] = station.api.ask("GET", f"{API}?state=sent")["results"]
    return [delivery for delivery in found if delivery["channel"] in channel]


def test_a_message_whose_process_is_killed_while_it_is_sent_comes_once_more(
    station: Station, receiver: WebhookReceiver, channel: str
) -> None:
    receiver.answer = in_turn(hang, status(200))
    raise_alert(station, "test.killed")
    eventually(lambda: receiver.received, "the message")
    kill(station, "jobs")
    end_leases(station, "monitoring_notificationchannel")
    [delivery] = eventually(lambda: sent_to(station, channel), "it was sent")
    assert [json.loads(got.body)["id"] for got in receiver.received] == [delivery["id"], delivery["id"]]
    assert delivery["tries"] == 2


def test_an_alert_of_a_time_without_jobs_part_and_broker_is_sent(
    station: Station, receiver: WebhookReceiver, channel: str, broker: Broker
) -> None:
    with broker.gone():
        kill(station, "jobs")
        raise_alert(station, "test.away")
        eventually(lambda: receiver.received, "the message")


def test_a_station_sends_a_mail(station: Station) -> None:
    with mail_server() as box:
        settings = {
            "host": "127.0.0.1", "port": box.port, "security": "none", "sender": "sky@example.org",
            "recipients": ["anna@example.org"],
        }  # fmt: skip
        path = add(station, "mail", settings)
        raise_alert(station, "test.mail")
        eventually(lambda: box.mails, "the mail")
        assert "The dome is open." in str(box.mails[0]["Subject"])
        station.api.ask("DELETE", path)


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
    eventually(lambda: receiver.received, "the first attempt")
    kill(station, "jobs")
    end_leases(station, "monitoring_webhookdelivery")
    delivered = eventually(lambda: deliveries(station, webhook, "delivered"), "the second attempt")
    first, second = receiver.received
    assert first.headers["Skycam-Delivery"] == second.headers["Skycam-Delivery"] == delivered[0]["id"]
    attempts = station.api.ask("GET", f"{webhook}deliveries/{delivered[0]['id']}/")["attempts"]
    assert [attempt["status"] for attempt in attempts] == [200, None]


def test_an_event_that_was_written_while_the_jobs_part_was_away_is_delivered(
    station: Station, receiver: WebhookReceiver, webhook: str
) -> None:
    kill(station, "jobs")
    rename(station, "Second")
    eventually(lambda: deliveries(station, webhook, "delivered"), "its delivery")
    assert len(receiver.received) == 1


def test_an_event_is_delivered_while_the_broker_is_away(
    station: Station, receiver: WebhookReceiver, webhook: str, broker: Broker
) -> None:
    with broker.gone():
        rename(station, "Third")
        eventually(lambda: receiver.received, "its delivery")
