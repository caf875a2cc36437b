"""The routes of web-hooks."""

from __future__ import annotations

from typing import Any

import pytest

from core.events.models import Event
from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks import services
from monitoring.webhooks.deliveries import claim
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.webhooks import added, deliver_due, happened, only_delivery

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhooks/"
SECRET_URL = "https://anna:p4ssword@lab.example:8443/hooks/T0000000000000000000/skycam?token=s3cret&v=1"
NEW = {"name": "lab", "url": SECRET_URL, "kinds": ["session.*", "alert.opened", "alert.opened"]}


def of(webhook: Webhook, rest: str = "") -> str:
    return f"{URL}{webhook.pk}/{rest}"


def test_a_manager_adds_a_web_hook_and_sees_its_secret_once(manager: Any) -> None:
    answer = manager.post(URL, NEW)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert len(body.pop("secret")) == 43
    assert manager.get(answer["Location"]).json() == body
    assert manager.get(URL).json() == {"results": [body]}
    assert (body["kinds"], body["enabled"], body["created_by"]) == (["alert.opened", "session.*"], True, "a-manager")


def test_the_secrets_of_an_address_are_never_shown_or_stored_in_plain_text(manager: Any) -> None:
    body = manager.post(URL, NEW).json()
    assert body["url"] == "https://***@lab.example:8443/hooks/***/skycam?token=***&v=***"
    row = str(Webhook.objects.values().get())
    events = str(list(Event.objects.values_list("message", "data")))
    hidden = ("p4ssword", "T0000000000000000000", "s3cret", body["secret"])
    assert [text for text in hidden if text in row + events] == []


def test_an_address_without_tls_has_a_warning(manager: Any) -> None:
    assert manager.post(URL, {**NEW, "url": "http://lab.example/"}).json()["warning"].startswith("The address begins")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "ftp://lab.example/"}, "url: Write an address such as"),
        ({"url": "https://lab.example/***"}, "url: Write the address with its secrets"),
        ({"url": "https://lab.example/#a"}, "url: The part after # is never sent."),
        ({"url": "https://lab.example/a b"}, "url: An address has no spaces"),
        ({"url": "http://169.254.169.254/"}, "url: The address leads to a cloud metadata address"),
        ({"url": "http://0177.0.0.1/"}, "url: The address has a host that is neither"),
        ({"kinds": []}, "kinds: Choose at least one kind"),
        ({"kinds": ["sessions.*"]}, "kinds: No event is of the kind 'sessions.*'. Did you mean session.*?"),
        ({"kinds": ["capture.saved"]}, "kinds: Web-hooks do not get events of the kind capture.saved."),
        ({"kinds": ["webhook.failed"]}, "kinds: Web-hooks do not get events of the kind webhook.failed."),
        ({"name": ""}, "name: "),
        ({"name": "a\nb"}, "name: This contains a line break"),
        ({"enabled": 1}, "enabled: "),
        ({"secret": "mine"}, "secret: "),
    ],
)
def test_a_bad_web_hook_is_refused(manager: Any, change: dict[str, Any], message: str) -> None:
    answer = manager.post(URL, {**NEW, **change})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(message)
    assert not Webhook.objects.exists()


def test_a_name_is_taken_until_its_web_hook_is_removed(manager: Any) -> None:
    first = manager.post(URL, NEW).json()
    assert "already" in manager.post(URL, NEW).json()["detail"]
    assert manager.delete(f"{URL}{first['id']}/").status_code == 204
    assert manager.get(f"{URL}{first['id']}/").status_code == 404
    assert manager.post(URL, NEW).status_code == 201


def test_a_station_has_a_bounded_number_of_web_hooks(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_WEBHOOKS", 1)
    added(name="first")
    assert manager.post(URL, NEW).json()["detail"] == "name: A station has at most 1 web-hooks. Remove one first."


def test_only_what_is_given_changes(manager: Any) -> None:
    webhook = added()
    body = manager.patch(of(webhook), {"name": "other", "enabled": False}).json()
    assert (body["name"], body["enabled"], body["url"], body["kinds"]) == (
        "other",
        False,
        "http://127.0.0.1:9/hook",
        ["storage.*"],
    )
    assert Event.objects.get(kind="webhook.changed").data == {"name": "other", "enabled": False}


def test_a_change_to_a_name_of_another_one_is_refused(manager: Any) -> None:
    added(name="first")
    second = added(name="second")
    assert manager.patch(of(second), {"name": "first"}).status_code == 400
    second.refresh_from_db()
    assert second.name == "second"


def test_a_rotation_shows_the_new_secret_once(manager: Any) -> None:
    webhook = added()
    answer = manager.post(of(webhook, "rotate-secret/"))
    assert len(answer.json()["secret"]) == 43
    assert answer["Cache-Control"] == "no-store"
    assert manager.get(of(webhook)).json()["old_secret_until"] == answer.json()["old_secret_until"]


def test_a_test_is_sent_at_once_to_one_web_hook_alone(manager: Any) -> None:
    with receiving(status(200, b"fine")) as receiver:
        webhook = added(receiver.url)
        added(receiver.url, "other", ("*",))
        body = manager.post(of(webhook, "test/")).json()
    [got] = receiver.received
    assert got.headers["Skycam-Event"] == "webhook.test"
    assert (body["kind"], body["state"], body["attempts"][0]["answer"]) == ("webhook.test", "delivered", "fine")


def test_a_test_that_fails_is_not_repeated(manager: Any) -> None:
    webhook = added()
    manager.patch(of(webhook), {"enabled": False})
    body = manager.post(of(webhook, "test/")).json()
    assert (body["state"], body["error"]) == ("failed", "The receiver cannot be reached (Connection refused).")
    webhook.refresh_from_db()
    assert webhook.failing_since is None


def test_a_test_during_another_delivery_is_refused_after_a_while(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "TEST_WAIT_S", 0.0)
    webhook = added()
    happened()
    claim(only_delivery().pk, "a worker")
    answer = manager.post(of(webhook, "test/"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/webhook-busy")
    assert not Event.objects.filter(kind="webhook.test").exists()


def test_deliveries_are_listed_by_state_and_page(manager: Any) -> None:
    webhook = added()
    first, second = happened(), happened()
    deliver_due()
    WebhookDelivery.objects.filter(event=first.id).update(state="failed", ended_at=first.at)
    page = manager.get(of(webhook, "deliveries/?limit=1")).json()
    assert [one["event"] for one in page["results"]] == [str(second.id)]
    assert [one["event"] for one in manager.get(page["next"]).json()["results"]] == [str(first.id)]
    failed = manager.get(of(webhook, "deliveries/?state=failed")).json()["results"]
    assert [one["event"] for one in failed] == [str(first.id)]


def test_one_delivery_has_its_body_and_its_attempts(manager: Any) -> None:
    webhook = added()
    happened()
    deliver_due()
    body = manager.get(of(webhook, f"deliveries/{only_delivery().pk}/")).json()
    assert body["body"] == bytes(only_delivery().body).decode()
    assert [one["error"] for one in body["attempts"]] == ["The receiver cannot be reached (Connection refused)."]
    assert manager.get(of(added(name="other"), f"deliveries/{only_delivery().pk}/")).status_code == 404


@pytest.mark.parametrize("state", ["delivered", "failed", "cancelled"])
def test_a_replay_sends_a_delivery_again(manager: Any, state: str) -> None:
    with receiving(status(200)) as receiver:
        webhook = added(receiver.url)
        event = happened()
        WebhookDelivery.objects.update(state=state, ended_at=event.at, tries=31)
        answer = manager.post(of(webhook, f"deliveries/{only_delivery().pk}/replay/"))
        deliver_due()
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    assert (only_delivery().state, only_delivery().tries, only_delivery().replayed_by) == ("delivered", 1, "a-manager")
    assert Event.objects.get(kind="webhook.replayed").actor == "a-manager"
    assert len(receiver.received) == 1


def test_a_replay_that_is_repeated_with_its_key_sends_the_delivery_once(manager: Any) -> None:
    webhook = added()
    happened()
    path = of(webhook, f"deliveries/{only_delivery().pk}/replay/")
    answers = [manager.post(path, headers={"idempotency-key": "one"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert Event.objects.filter(kind="webhook.replayed").count() == 1


def test_a_delivery_of_a_web_hook_that_is_off_is_not_replayed(manager: Any) -> None:
    webhook = added()
    happened()
    manager.patch(of(webhook), {"enabled": False})
    answer = manager.post(of(webhook, f"deliveries/{only_delivery().pk}/replay/"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/webhook-disabled")
    assert only_delivery().state == "cancelled"


def test_events_about_web_hooks_are_for_managers(manager: Any, viewer: Any) -> None:
    manager.post(URL, NEW)
    assert manager.get("/api/v1/events/?kind=webhook.added").json()["results"][0]["actor"] == "a-manager"
    assert viewer.get("/api/v1/events/?kind=webhook.added").json()["results"] == []


def test_metrics_count_pending_and_failed_deliveries_for_managers(manager: Any, viewer: Any) -> None:
    added()
    happened()
    line = 'skycam_webhook_deliveries{state="pending",webhook="lab"} 1.0'
    assert line in manager.get("/api/v1/metrics/").content.decode()
    assert "skycam_webhook" not in viewer.get("/api/v1/metrics/").content.decode()
