"""Web-hooks on the command line."""

from __future__ import annotations

import os

import pytest

from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks.outcomes import url_of
from skycam_project.access.models import User
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.webhooks import added, deliver_due, happened, only_delivery
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
UID = 54321


def test_a_web_hook_is_added_listed_and_removed() -> None:
    new = answer(
        "webhooks", "add", "lab", "https://u:p4ss@lab.example/hook", "--kind", "session.*", "--kind", "alert.opened"
    )
    assert len(new.pop("secret")) == 43
    assert answer("webhooks", "list")["results"] == [new]
    assert new["url"] == "https://***@lab.example/hook"
    assert answer("webhooks", "remove", "lab") == new
    assert "No web-hooks." in skycam("webhooks", "list").stdout


def test_an_address_is_read_from_stdin_so_that_no_list_of_processes_shows_it() -> None:
    added()
    assert skycam("webhooks", "change", "lab", "--url", "-", given="https://lab.example/?token=s3cret\n").exit_code == 0
    assert url_of(Webhook.objects.get()).text == "https://lab.example/?token=s3cret"


def test_what_is_not_given_stays() -> None:
    added()
    changed = answer("webhooks", "change", "lab", "--kind", "session.*", "--kind", "alert.opened")
    assert (changed["name"], changed["kinds"]) == ("lab", ["alert.opened", "session.*"])
    assert changed["url"] == "http://127.0.0.1:9/hook"


def test_people_see_the_secret_once_and_a_warning() -> None:
    found = skycam("webhooks", "add", "lab", "http://lab.example/hook", "--kind", "*")
    assert "(shown only now)" in found.stdout
    assert "warning: The address begins with http" in found.stderr
    assert "shown only now" not in skycam("webhooks", "list").stdout


def test_a_bad_web_hook_says_what_is_allowed() -> None:
    found = skycam("webhooks", "add", "lab", "lab.example", "--kind", "sessions.*")
    assert found.exit_code == 2
    assert "URL: Write an address such as https://lab.example.org/hooks/skycam." in found.stderr
    assert "Did you mean session.*?" in found.stderr


def test_a_test_shows_the_answer() -> None:
    with receiving(status(200, b"hello")) as receiver:
        added(receiver.url)
        found = skycam("webhooks", "test", "lab")
    assert found.exit_code == 0
    assert "hello" in found.stdout


def test_a_test_that_is_refused_fails() -> None:
    added()
    found = skycam("webhooks", "test", "lab")
    assert found.exit_code == 1
    assert "Connection refused" in found.stdout


def test_a_delivery_is_listed_and_replayed() -> None:
    with receiving(status(200)) as receiver:
        added(receiver.url)
        happened()
        deliver_due()
        [listed] = answer("webhooks", "deliveries", "lab", "--state", "delivered")["results"]
        assert answer("webhooks", "replay", "lab", listed["id"])["state"] == "pending"
        deliver_due()
    assert len(receiver.received) == 2
    assert only_delivery().state == "delivered"


def test_a_web_hook_is_switched_off_and_on() -> None:
    added()
    happened()
    assert answer("webhooks", "disable", "lab")["enabled"] is False
    assert WebhookDelivery.objects.get().state == "cancelled"
    assert skycam("webhooks", "replay", "lab", str(only_delivery().pk)).exit_code == 1
    assert answer("webhooks", "enable", "lab")["enabled"] is True


def test_a_rotation_shows_the_new_secret() -> None:
    webhook = added()
    before = webhook.secret_encrypted
    assert len(answer("webhooks", "rotate", "lab")["secret"]) == 43
    assert Webhook.objects.get().secret_encrypted != before


def test_an_unknown_web_hook_is_named() -> None:
    assert "There is no web-hook dome." in skycam("webhooks", "test", "dome").stderr


def test_an_operator_may_not_use_web_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: UID)
    User.objects.create_user(username=str(UID), role="operator")
    assert skycam("webhooks", "list").exit_code == 5
