"""The pages of notifications, and who was notified on the page of events."""

from __future__ import annotations

from typing import Any

import pytest

from core.events.service import raise_alert
from monitoring.models import AlertSilence, NotificationChannel, NotificationRoute
from monitoring.notifications.sending import settings_of
from tests.harness.clients.pages import text_of
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.notifications import SECRET, mail_channel, route_to, send_due, webhook_channel

pytestmark = pytest.mark.django_db
ADD = "/notifications/channels/add/"
MAIL = {
    "name": "night shift", "host": "mail.example.org", "port": "587", "security": "starttls", "user": "sky",
    "password": "s3cret", "sender": "sky@example.org", "recipients": "anna@example.org, bob@example.org",
}  # fmt: skip


def test_a_manager_adds_a_mail_channel(manager: Any) -> None:
    answer = manager.post(f"{ADD}mail/", MAIL, format="multipart")
    channel = NotificationChannel.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/notifications/channels/{channel.pk}/")
    stored = settings_of(channel).model_dump()
    assert stored["recipients"] == ["anna@example.org", "bob@example.org"]
    page = text_of(manager.get(answer["Location"]))
    assert "anna@example.org bob@example.org" in page
    assert "s3cret" not in page


def test_a_wrong_setting_is_said_in_the_form(manager: Any) -> None:
    answer = manager.post(f"{ADD}mail/", {**MAIL, "security": "none"}, format="multipart")
    assert (answer.status_code, "clear text" in text_of(answer)) == (400, True)
    assert "s3cret" not in text_of(answer)
    assert NotificationChannel.objects.count() == 0


@pytest.mark.parametrize("kind", ["mail", "webhook", "ntfy", "telegram", "matrix", "mqtt"])
def test_each_kind_has_a_form(kind: str, manager: Any) -> None:
    assert manager.get(f"{ADD}{kind}/").status_code == 200


def test_an_unknown_kind_has_none(manager: Any) -> None:
    assert manager.get(f"{ADD}pigeon/").status_code == 404


def test_a_change_without_the_password_keeps_it(manager: Any) -> None:
    manager.post(f"{ADD}mail/", MAIL, format="multipart")
    channel = NotificationChannel.objects.get()
    manager.post(
        f"/notifications/channels/{channel.pk}/",
        {**MAIL, "password": "", "recipients": "eve@example.org"},
        format="multipart",
    )
    stored = settings_of(NotificationChannel.objects.get()).model_dump()
    assert (stored["password"], stored["recipients"]) == ("s3cret", ["eve@example.org"])


def test_a_discovery_that_is_not_ticked_is_off(manager: Any) -> None:
    manager.post(
        f"{ADD}mqtt/",
        {"name": "broker", "host": "mqtt.example.org", "port": "8883", "topic": "skycam"},
        format="multipart",
    )
    stored = settings_of(NotificationChannel.objects.get()).model_dump()
    assert (stored["tls"], stored["discovery"], stored["discovery_prefix"]) == (False, False, "homeassistant")


def test_the_test_button_shows_the_outcome(manager: Any) -> None:
    with receiving(status(500)) as receiver:
        channel = webhook_channel(receiver.url)
        answer = manager.post(
            f"/notifications/channels/{channel.pk}/test/", headers={"hx-request": "true"}, format="multipart"
        )
    assert "The test failed. The receiver answered 500." in text_of(answer)


def test_a_channel_is_switched_off_and_removed(manager: Any) -> None:
    channel = webhook_channel()
    manager.post(f"/notifications/channels/{channel.pk}/switch/", {"enabled": "no"}, format="multipart")
    assert NotificationChannel.objects.get().enabled is False
    manager.post(f"/notifications/channels/{channel.pk}/remove/")
    assert manager.get(f"/notifications/channels/{channel.pk}/").status_code == 404


def test_a_route_is_added_and_changed(manager: Any) -> None:
    form = {
        "name": "all", "channel": str(webhook_channel().pk), "position": "1", "enabled": "on", "severity": "error",
        "group_wait_s": "10", "repeat_every_s": "0", "escalate_after_s": "0", "quiet_from": "22:00",
        "quiet_until": "07:00",
    }  # fmt: skip
    assert manager.post("/notifications/routes/add/", form, format="multipart").status_code == 302
    route = NotificationRoute.objects.get()
    assert (route.severity, route.quiet_from, route.notify_resolved) == ("error", "22:00", False)
    wrong = manager.post(f"/notifications/routes/{route.pk}/", {**form, "quiet_until": ""}, format="multipart")
    assert (wrong.status_code, "quiet_from and quiet_until" in text_of(wrong)) == (400, True)
    assert "all" in text_of(manager.get("/notifications/"))


def test_the_page_of_events_says_who_was_notified(operator: Any, viewer: Any) -> None:
    with receiving(status(200)) as receiver:
        route_to(webhook_channel(receiver.url, "night shift"))
        raise_alert("disk.full:main", "The disk is full.", camera=None)
        send_due()
    assert "night shift" in text_of(operator.get("/events/"))
    assert "night shift" not in text_of(viewer.get("/events/"))


def test_only_managers_see_why_a_notification_failed(operator: Any, manager: Any) -> None:
    route_to(mail_channel(9))
    raise_alert("disk.full:main", "The disk is full.", camera=None)
    send_due()
    assert "cannot be reached" in text_of(manager.get("/events/"))
    assert "cannot be reached" not in text_of(operator.get("/events/"))


def test_an_operator_silences_an_alert_and_ends_the_silence(operator: Any) -> None:
    alert = raise_alert("disk.full:main", "The disk is full.", camera=None)
    operator.post(f"/alerts/{alert.pk}/silence/", {"for": "8h"}, format="multipart")
    silence = AlertSilence.objects.get()
    assert "disk.full:main" in text_of(operator.get("/events/"))
    operator.post(f"/silences/{silence.pk}/end/")
    silence.refresh_from_db()
    assert silence.ended_by == "a-operator"
    assert SECRET not in text_of(operator.get("/events/"))


def test_the_form_of_a_new_route_leads_back_to_the_notifications(manager: Any) -> None:
    page = manager.get("/notifications/routes/add/").content.decode()
    assert '<a class="where" href="/notifications/">Notifications</a>' in page
    assert "<h1>Add a route</h1>" in page


def test_the_form_of_a_route_has_its_name_and_says_what_its_removal_does(manager: Any) -> None:
    page = manager.get(f"/notifications/routes/{route_to(webhook_channel()).pk}/").content.decode()
    assert "<h1>all</h1>" in page
    assert "What waits because of it is still sent." in page
