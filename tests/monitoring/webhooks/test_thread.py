"""The thread of a jobs part that delivers: in parallel, bounded, and one delivery of a web-hook at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from core.deliveries.rows import A_DAY
from core.events.models import Event
from core.outgoing import OutgoingGuard
from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.deliveries import claim
from monitoring.webhooks.thread import FAILING, POOL, WebhookThread
from tests.harness.far_ends.webhook_receiver import Request, drip_body, hang, in_turn, receiving, status
from tests.harness.rows.webhooks import PATIENT, QUICK, added, happened
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db(transaction=True)
LONG_S = 10 * PATIENCE_S
"""The deadline of requests that hang until the end of a test."""


@pytest.fixture
def start() -> Iterator[Callable[..., WebhookThread]]:
    started: list[WebhookThread] = []

    def start_thread(client: WebhookClient = PATIENT) -> WebhookThread:
        started.append(WebhookThread("main", client, poll_s=0.2))
        started[-1].start()
        return started[-1]

    yield start_thread
    for thread in started:
        thread.stop(within_s=PATIENCE_S)


def delivered() -> int:
    return WebhookDelivery.objects.filter(state="delivered").count()


def test_all_that_waits_is_delivered_the_oldest_first(start: Callable[..., WebhookThread]) -> None:
    with receiving(status(200)) as receiver:
        added(receiver.url)
        events = [happened() for _ in range(8)]
        start()
        eventually(lambda: delivered() == 8)
    assert [got.body[7:43].decode() for got in receiver.received] == [str(event.id) for event in events]


def test_an_event_is_found_without_a_message(start: Callable[..., WebhookThread]) -> None:
    with receiving(status(200)) as receiver:
        added(receiver.url)
        start()
        happened()
        eventually(lambda: delivered() == 1)


def test_a_delivery_whose_last_attempt_was_killed_has_failed(start: Callable[..., WebhookThread]) -> None:
    with receiving(status(200)) as receiver:
        added(receiver.url)
        happened()
        claim(WebhookDelivery.objects.get().pk, "killed")
        WebhookDelivery.objects.update(tries=A_DAY.max_tries, lease_until=timezone.now() - timedelta(seconds=1))
        start()
        eventually(lambda: WebhookDelivery.objects.exclude(state="pending").exists())
    assert WebhookDelivery.objects.get().state == "failed"
    assert receiver.received == []
    assert Event.objects.get(kind="webhook.failed").data["tries"] == A_DAY.max_tries


def test_receivers_that_hang_do_not_hold_up_another_one(start: Callable[..., WebhookThread]) -> None:
    with receiving(hang) as stuck, receiving(status(200)) as receiver:
        [added(stuck.url, f"stuck {number}") for number in range(POOL + 2)]
        Webhook.objects.update(failing_since=timezone.now())
        happened()
        start(WebhookClient(OutgoingGuard(), LONG_S))
        eventually(lambda: len(stuck.received) == FAILING)
        added(receiver.url, "well")
        [happened() for _ in range(3)]
        eventually(lambda: delivered() == 3)
        assert len(stuck.received) == FAILING


def test_receivers_that_accept_slowly_do_not_hold_up_another_one(start: Callable[..., WebhookThread]) -> None:
    with receiving(drip_body) as slow, receiving(status(200)) as receiver:
        [added(slow.url, f"slow {number}") for number in range(POOL + 2)]
        [happened() for _ in range(20)]
        added(receiver.url, "well")
        happened()
        start(QUICK)
        eventually(lambda: WebhookDelivery.objects.filter(webhook__name="well", state="delivered").exists())
    assert WebhookDelivery.objects.filter(state="pending").exists()


def test_a_web_hook_has_one_request_at_a_time(start: Callable[..., WebhookThread]) -> None:
    running, most, lock = 0, [0], threading.Lock()

    def count(request: Request) -> None:
        nonlocal running
        with lock:
            running += 1
            most.append(running)
        request.server.closing.wait(0.05)  # time: the receiver is slow
        with lock:
            running -= 1
        status(200)(request)

    with receiving(count) as receiver:
        added(receiver.url)
        [happened() for _ in range(6)]
        start()
        start()
        eventually(lambda: delivered() == 6)
    assert max(most) == 1
    assert len(receiver.received) == 6


def test_a_failed_delivery_does_not_stop_the_next_one(start: Callable[..., WebhookThread]) -> None:
    with receiving(in_turn(status(500), status(500), status(200))) as receiver:
        added(receiver.url)
        [happened() for _ in range(3)]
        start()
        eventually(lambda: delivered() == 3)
