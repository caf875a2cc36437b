"""Kinds, the times of retries, the moves of a delivery, and what is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.deliveries.rows import A_DAY
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.retention import remove_expired
from monitoring.webhooks import thread
from monitoring.webhooks.deliveries import change_state
from monitoring.webhooks.kinds import EXCLUDED, KINDS
from monitoring.webhooks.services import remove_webhook
from tests.harness.documents.pages import first_cells, section
from tests.harness.rows.webhooks import added, deliver_due, happened, only_delivery

ENTRY = {"webhook_deliveries": "monitoring.webhooks.thread.remove_deliveries"}


def test_the_kinds_of_web_hooks_are_the_documented_events() -> None:
    documented = set(first_cells(section("docs/clients/contracts.md", "Events")))
    assert {kind for kind in documented if not kind.startswith("webhook.")} == KINDS | EXCLUDED


def test_the_attempts_of_a_delivery_last_a_day() -> None:
    planned_s = sum(A_DAY.delay_s(tries, chance=0.5) for tries in range(1, A_DAY.max_tries))
    assert 23.5 * 3600 < planned_s < 24 * 3600


@pytest.mark.parametrize(("tries", "seconds"), [(1, 10), (2, 30), (3, 60), (4, 120), (7, 1800), (8, 3600), (30, 3600)])
def test_each_delay_has_its_length_and_a_jitter(tries: int, seconds: float) -> None:
    delays = {A_DAY.delay_s(tries) for _ in range(50)}
    assert min(delays) >= 0.9 * seconds
    assert max(delays) <= 1.1 * seconds
    assert len(delays) > 1


@pytest.mark.django_db
def test_a_move_outside_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="does not go from delivered to failed"):
        change_state(WebhookDelivery.objects.all(), DeliveryState.DELIVERED, DeliveryState.FAILED)


@pytest.mark.django_db
def test_a_delivery_is_removed_with_its_attempts_thirty_days_after_its_end() -> None:
    added()
    happened()
    deliver_due()
    assert remove_expired(ENTRY) == {"webhook_deliveries": 0}
    WebhookDelivery.objects.update(state="failed", ended_at=timezone.now() - timedelta(days=31))
    assert remove_expired(ENTRY) == {"webhook_deliveries": 2}
    assert not WebhookAttempt.objects.exists()


@pytest.mark.django_db
def test_a_pending_delivery_is_kept_at_any_age() -> None:
    added()
    happened()
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=40))
    remove_expired(ENTRY)
    assert only_delivery().state == "pending"


@pytest.mark.django_db
def test_of_many_deliveries_that_ended_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "MAX_ENDED", 2)
    added()
    events = [happened() for _ in range(5)]
    WebhookDelivery.objects.update(state="delivered", ended_at=timezone.now())
    remove_expired(ENTRY)
    assert set(WebhookDelivery.objects.values_list("event", flat=True)) == {event.id for event in events[3:]}


@pytest.mark.django_db
def test_a_removed_web_hook_disappears_with_its_deliveries() -> None:
    webhook = added()
    happened()
    remove_webhook(webhook, "anna")
    remove_expired(ENTRY)
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()
