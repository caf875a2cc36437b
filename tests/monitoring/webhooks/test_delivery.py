"""What follows from an attempt: delivered, tried again, given up, switched off."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.deliveries.rows import A_DAY
from core.events.models import Alert, Event
from monitoring.models import Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhooks.deliveries import MAX_ATTEMPTS, claim, due_deliveries, release_lost_leases
from monitoring.webhooks.outcomes import attempt_delivery
from monitoring.webhooks.resource import WebhookChange
from monitoring.webhooks.services import change_webhook, remove_webhook, rotate_secret
from monitoring.webhooks.thread import trim_backlogs
from tests.harness.far_ends.webhook_receiver import Request, hang, in_turn, receiving, status
from tests.harness.rows.webhooks import (
    QUICK,
    added,
    deliver_due,
    happened,
    make_due,
    only_delivery,
    wait_s,
)

pytestmark = pytest.mark.django_db
AWAY = "http://127.0.0.1:9/hook"
"""The port discard, where nothing listens."""


def failing_for(webhook: Webhook, **time: float) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=timezone.now() - timedelta(**time))


def alert_states(key: str) -> list[str]:
    return list(Alert.objects.filter(key=key).values_list("state", flat=True))


def test_a_delivery_is_signed_and_named() -> None:
    with receiving(status(200, b"thanks")) as receiver:
        secret = added(receiver.url).secret
        happened()
        deliver_due()
    [got] = receiver.received
    assert got.is_signed_with(secret)
    assert not got.is_signed_with("another")
    assert got.headers["Skycam-Event"] == "storage.full"
    assert got.headers["Skycam-Delivery"] == str(only_delivery().pk)
    assert got.headers["User-Agent"].startswith("Skycam/")
    assert got.headers["Content-Type"] == "application/json"
    assert got.body == bytes(only_delivery().body)


def test_an_attempt_is_logged_with_its_answer() -> None:
    with receiving(status(200, b"thanks")) as receiver:
        added(receiver.url)
        happened()
        deliver_due()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.answer, attempt.error) == (200, "thanks", "")
    assert attempt.duration_s is not None
    assert only_delivery().state == "delivered"


def test_a_failure_is_tried_again_with_the_same_body_and_id(still_clock: datetime) -> None:
    with receiving(in_turn(status(500), status(200))) as receiver:
        added(receiver.url)
        happened()
        deliver_due()
        assert only_delivery().error == "The receiver answered 500."
        assert 8 < wait_s(only_delivery()) < 12
        make_due()
        deliver_due()
    first, second = receiver.received
    assert (first.body, first.headers["Skycam-Delivery"]) == (second.body, second.headers["Skycam-Delivery"])
    assert only_delivery().state == "delivered"
    assert only_delivery().tries == 2


def test_a_receiver_that_hangs_is_tried_again() -> None:
    with receiving(hang) as receiver:
        added(receiver.url)
        happened()
        assert [answer.error for answer in deliver_due(QUICK)] == ["The receiver did not answer within 0.5 s."]
    assert only_delivery().state == "pending"


def test_a_receiver_may_delay_the_next_attempt_but_not_hasten_it(still_clock: datetime) -> None:
    with receiving(in_turn(status(503, Retry_After="900"), status(503, Retry_After="1"))) as receiver:
        added(receiver.url)
        happened()
        deliver_due()
        assert wait_s(only_delivery()) == 900
        make_due()
        deliver_due()
    assert 26 < wait_s(only_delivery()) < 34


def test_what_waits_is_due_once_the_receiver_works_again() -> None:
    with receiving(in_turn(status(500), status(200))) as receiver:
        added(receiver.url)
        first, second = happened(), happened()
        deliver_due()
        deliver_due()
    waiting = WebhookDelivery.objects.get(event=first.id)
    assert WebhookDelivery.objects.get(event=second.id).state == "delivered"
    assert wait_s(waiting) < 1


def test_a_delivery_that_is_never_accepted_between_others_keeps_its_delays() -> None:
    def refuse_the_first(request: Request) -> None:
        refused = str(events[0].id).encode() in request.server.received[-1].body
        status(500 if refused else 200)(request)

    with receiving(refuse_the_first) as receiver:
        added(receiver.url)
        events = [happened() for _ in range(6)]
        [deliver_due() for _ in range(12)]
    stuck = WebhookDelivery.objects.get(event=events[0].id)
    assert (stuck.state, stuck.tries) == ("pending", 2)
    assert WebhookDelivery.objects.filter(state="delivered").count() == 5


def test_after_an_hour_of_failures_an_alert_is_open_until_the_next_success() -> None:
    with receiving(in_turn(status(500), status(500), status(200))) as receiver:
        webhook = added(receiver.url)
        happened()
        deliver_due()
        assert alert_states(f"webhook.failing:{webhook.pk}") == []
        failing_for(webhook, minutes=61)
        make_due()
        deliver_due()
        assert alert_states(f"webhook.failing:{webhook.pk}") == ["open"]
        make_due()
        deliver_due()
    assert alert_states(f"webhook.failing:{webhook.pk}") == ["resolved"]


def test_after_a_day_of_attempts_a_delivery_fails_with_an_event() -> None:
    added(AWAY)
    happened()
    WebhookDelivery.objects.update(tries=A_DAY.max_tries - 2)
    deliver_due()
    assert only_delivery().state == "pending"
    make_due()
    deliver_due()
    assert only_delivery().state == "failed"
    event = Event.objects.get(kind="webhook.failed")
    assert event.data["delivery"] == str(only_delivery().pk)


def test_a_receiver_that_is_gone_is_switched_off_with_an_event_and_an_alert() -> None:
    with receiving(status(410)) as receiver:
        webhook = added(receiver.url)
        happened()
        happened()
        deliver_due()
    webhook.refresh_from_db()
    assert (webhook.enabled, webhook.disabled_reason[:26]) == (False, "The receiver answered 410:")
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed", "cancelled"}
    assert Event.objects.filter(kind="webhook.gone").count() == 1
    assert alert_states(f"webhook.gone:{webhook.pk}") == ["open"]
    change_webhook(webhook, WebhookChange(enabled=True), "anna")
    assert alert_states(f"webhook.gone:{webhook.pk}") == ["resolved"]


def test_during_a_rotation_both_secrets_sign() -> None:
    with receiving(status(200)) as receiver:
        webhook = added(receiver.url)
        old, new = webhook.secret, rotate_secret(webhook, "anna").secret
        happened()
        deliver_due()
        Webhook.objects.update(old_secret_until=timezone.now())
        happened()
        deliver_due()
    both, later = receiver.received
    assert both.is_signed_with(old)
    assert both.is_signed_with(new)
    assert later.is_signed_with(new)
    assert not later.is_signed_with(old)


def test_of_two_workers_one_gets_a_delivery() -> None:
    added()
    happened()
    assert claim(only_delivery().pk, "one") is not None
    assert claim(only_delivery().pk, "two") is None


def test_a_web_hook_sends_one_delivery_at_a_time_the_oldest_first() -> None:
    added()
    first, second = happened(), happened()
    [(_, due, _)] = due_deliveries()
    assert WebhookDelivery.objects.get(pk=due).event == first.id
    assert claim(due, "one") is not None
    assert due_deliveries() == []
    assert claim(WebhookDelivery.objects.get(event=second.id).pk, "two") is None


def test_a_delivery_whose_worker_was_killed_is_sent_after_its_lease() -> None:
    added()
    happened()
    claim(only_delivery().pk, "killed")
    assert release_lost_leases() == 0
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert release_lost_leases() == 1
    assert len(due_deliveries()) == 1
    assert WebhookAttempt.objects.get().duration_s is None


def test_a_worker_that_lost_its_lease_changes_nothing_but_its_attempt() -> None:
    with receiving(status(200, b"late")) as receiver:
        added(receiver.url)
        happened()
        slow = claim(only_delivery().pk, "slow")
        WebhookDelivery.objects.update(lease_until=None, worker="")
        assert claim(only_delivery().pk, "other") is not None
        assert slow is not None
        attempt_delivery(slow, QUICK)
    assert only_delivery().state == "pending"
    assert only_delivery().worker == "other"
    assert WebhookAttempt.objects.filter(answer="late").count() == 1


def test_a_clock_that_is_set_back_by_a_day_holds_no_delivery_back() -> None:
    added()
    happened()
    WebhookDelivery.objects.update(not_before=timezone.now() + timedelta(days=1))
    assert len(due_deliveries()) == 1
    claim(only_delivery().pk, "one")
    WebhookDelivery.objects.update(lease_until=timezone.now() + timedelta(days=1))
    assert release_lost_leases() == 1


def test_a_clock_that_is_set_forward_by_a_day_costs_one_attempt_and_loses_nothing(still_clock: datetime) -> None:
    added(AWAY)
    happened()
    deliver_due()
    WebhookDelivery.objects.update(
        not_before=timezone.now() - timedelta(days=1), created_at=timezone.now() - timedelta(days=1)
    )
    deliver_due()
    assert only_delivery().state == "pending"
    assert wait_s(only_delivery()) > 20
    assert due_deliveries() == []


def test_switching_it_off_cancels_what_waits() -> None:
    webhook = added()
    happened()
    change_webhook(webhook, WebhookChange(enabled=False), "anna")
    assert (only_delivery().state, only_delivery().error) == ("cancelled", "anna switched the web-hook off.")


def test_what_an_event_wrote_while_it_was_switched_off_is_cancelled() -> None:
    webhook = added()
    happened()
    Webhook.objects.filter(pk=webhook.pk).update(enabled=False)
    assert due_deliveries() == []
    trim_backlogs()
    assert only_delivery().state == "cancelled"


def test_removing_it_cancels_what_waits_and_deletes_its_secrets() -> None:
    webhook = added()
    happened()
    remove_webhook(webhook, "anna")
    webhook.refresh_from_db()
    assert only_delivery().state == "cancelled"
    assert (webhook.url_encrypted, webhook.secret_encrypted) == ("", "")


def test_a_backlog_that_is_too_long_loses_its_oldest_deliveries_with_one_event() -> None:
    added()
    events = [happened() for _ in range(5)]
    trim_backlogs(most=3)
    happened()
    trim_backlogs(most=3)
    failed = WebhookDelivery.objects.filter(state="failed").values_list("event", flat=True)
    assert set(failed) == {event.id for event in events[:3]}
    assert Event.objects.filter(kind="webhook.overflowed").count() == 1


def test_a_delivery_keeps_a_bounded_number_of_attempts() -> None:
    added(AWAY)
    happened()
    WebhookAttempt.objects.bulk_create(WebhookAttempt(delivery=only_delivery()) for _ in range(MAX_ATTEMPTS + 3))
    deliver_due()
    assert WebhookAttempt.objects.count() == MAX_ATTEMPTS


def test_a_secret_that_cannot_be_read_is_a_failure_that_says_so() -> None:
    webhook = added()
    happened()
    Webhook.objects.filter(pk=webhook.pk).update(secret_encrypted="damaged")
    [answer] = deliver_due()
    assert answer.error.startswith("The stored secret cannot be read")
    assert only_delivery().state == "pending"
