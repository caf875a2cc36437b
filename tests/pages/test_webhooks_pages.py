"""The pages of web-hooks, without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import Webhook, WebhookDelivery
from tests.harness.clients.pages import text_of
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.webhooks import added, deliver_due, happened, only_delivery

pytestmark = pytest.mark.django_db
NEW = {"name": "Lab", "url": "http://u:p4ss@lab.example/hook", "families": ["session.*"], "kinds": "alert.opened"}


def address(webhook: Webhook, rest: str = "") -> str:
    return f"/webhooks/{webhook.pk}/{rest}"


def test_an_empty_list_says_what_a_web_hook_is(manager: Any) -> None:
    assert "There is no web-hook." in text_of(manager.get("/webhooks/"))


def test_a_web_hook_is_added_and_its_secret_is_shown_once(manager: Any) -> None:
    answer = manager.post("/webhooks/", NEW, format="multipart")
    secret = re.search(r'id="new-secret">([\w-]{43})<', text_of(answer))
    assert secret is not None
    assert answer["Cache-Control"] == "no-store"
    assert Webhook.objects.get().kinds == ["alert.opened", "session.*"]
    again = text_of(manager.get("/webhooks/"))
    assert "http://***@lab.example/hook" in again
    assert secret[1] not in again
    assert "p4ss" not in again


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "Write a name of at most 60 characters."),
        ({"url": "lab"}, "Write an address such as"),
        ({"url": "http://169.254.169.254/"}, "leads to a cloud metadata address"),
        ({"families": [], "kinds": ""}, "Choose at least one kind"),
        ({"kinds": "sessions.gap"}, "Did you mean session.gap?"),
    ],
)
def test_an_error_is_shown_at_its_field(manager: Any, change: dict[str, Any], sentence: str) -> None:
    answer = manager.post("/webhooks/", {**NEW, **change}, format="multipart")
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not Webhook.objects.exists()


def test_a_name_that_is_taken_is_refused_at_its_field(manager: Any) -> None:
    added(name="Lab")
    assert "There is a web-hook Lab already." in text_of(manager.post("/webhooks/", NEW, format="multipart"))


def test_an_address_that_is_left_empty_is_kept(manager: Any) -> None:
    webhook = added("http://u:p4ss@127.0.0.1:9/hook")
    before = webhook.url_encrypted
    form = {"name": "Dome", "url": "", "families": ["*"], "kinds": ""}
    assert manager.post(address(webhook), form, format="multipart").status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.kinds, webhook.url_encrypted) == ("Dome", ["*"], before)


def test_a_page_lists_deliveries_with_their_state_and_reason(manager: Any) -> None:
    webhook = added()
    happened()
    deliver_due()
    page = text_of(manager.get(address(webhook)))
    assert "Next try" in page
    assert "Connection refused" in page
    assert "Failing since" in text_of(manager.get("/webhooks/"))
    assert "No delivery is failed." in text_of(manager.get(address(webhook, "?state=failed")))


def test_many_deliveries_have_further_pages(manager: Any) -> None:
    webhook = added()
    [happened() for _ in range(51)]
    first = text_of(manager.get(address(webhook)))
    older = re.search(r'href="\?([^"]*before=[^"]+)"', first)
    assert older is not None
    assert first.count('id="delivery-0') == 50
    assert text_of(manager.get(address(webhook, f"?{older[1].replace('&amp;', '&')}"))).count('id="delivery-0') == 1


def test_a_test_reports_the_answer(manager: Any) -> None:
    with receiving(status(500, b"no")) as receiver:
        webhook = added(receiver.url)
        page = manager.post(address(webhook, "test/"), follow=True, headers={"Referer": address(webhook)})
    assert "The test failed. The receiver answered 500." in text_of(page)


def test_a_delivery_shows_its_body_and_is_replayed(manager: Any) -> None:
    with receiving(status(200, b"<b>thanks</b>")) as receiver:
        webhook = added(receiver.url)
        happened()
        deliver_due()
        there = address(webhook, f"deliveries/{only_delivery().pk}/")
        page = text_of(manager.get(there))
        assert "&lt;b&gt;thanks&lt;/b&gt;" in page
        assert "storage.full" in page
        assert "It is sent again." in text_of(manager.post(f"{there}replay/", follow=True, headers={"Referer": there}))
        deliver_due()
    assert len(receiver.received) == 2


def test_a_rotation_shows_the_new_secret_once(manager: Any) -> None:
    webhook = added()
    answer = manager.post(address(webhook, "rotate/"))
    assert 'id="new-secret"' in text_of(answer)
    assert answer["Cache-Control"] == "no-store"
    page = text_of(manager.get(address(webhook)))
    assert 'id="new-secret"' not in page
    assert "the old one is valid until" in page


def test_a_web_hook_is_switched_off_and_on(manager: Any) -> None:
    webhook = added()
    happened()
    assert "lab is off. What waited is cancelled." in text_of(
        manager.post(address(webhook, "switch/"), {"enabled": "no"}, format="multipart", follow=True)
    )
    assert only_delivery().state == "cancelled"
    assert "lab is on." in text_of(
        manager.post(address(webhook, "switch/"), {"enabled": "yes"}, format="multipart", follow=True)
    )


def test_a_web_hook_that_its_receiver_switched_off_says_why(manager: Any) -> None:
    with receiving(status(410)) as receiver:
        webhook = added(receiver.url)
        happened()
        deliver_due()
    assert "The receiver answered 410: it wants no more deliveries." in text_of(manager.get(address(webhook)))


def test_removal_asks_first(manager: Any) -> None:
    webhook = added()
    happened()
    assert "1 delivery waits and is cancelled." in " ".join(text_of(manager.get(address(webhook, "remove/"))).split())
    assert Webhook.objects.get().removed_at is None
    assert "There is no web-hook." in text_of(manager.post(address(webhook, "remove/"), follow=True))


def test_an_attempt_whose_process_was_killed_has_an_unknown_outcome(manager: Any) -> None:
    webhook = added()
    happened()
    deliver_due()
    delivery = only_delivery()
    delivery.attempts.update(duration_s=None, error="")
    assert "Unknown: its process ended" in text_of(manager.get(address(webhook, f"deliveries/{delivery.pk}/")))
    WebhookDelivery.objects.update(lease_until=timezone.now())
    assert "Sending" in text_of(manager.get(address(webhook, f"deliveries/{delivery.pk}/now/")))


def test_what_was_removed_is_not_found(manager: Any) -> None:
    webhook = added()
    manager.post(address(webhook, "remove/"))
    assert manager.get(address(webhook)).status_code == 404
    assert manager.post(address(webhook, "test/")).status_code == 404
