"""Notification channels, routes and silences on the command line."""

from __future__ import annotations

import pytest

from core.events.service import raise_alert
from monitoring.models import NotificationChannel
from monitoring.notifications.sending import settings_of
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.notifications import SECRET, webhook_channel
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


def test_a_channel_is_added_with_its_secret_from_stdin() -> None:
    new = answer(
        "notifications", "add", "shift", "mail", "--set", "host=mail.example.org", "--set", "port=465",
        "--set", "security=tls", "--set", "user=sky", "--set", "sender=sky@example.org",
        "--set", "recipients=anna@example.org,bob@example.org", "--secret", "password", given="s3cret\n",
    )  # fmt: skip
    assert new["settings"]["recipients"] == ["anna@example.org", "bob@example.org"]
    assert (new["settings"]["password_set"], "s3cret" in str(new)) == (True, False)
    assert settings_of(NotificationChannel.objects.get()).model_dump()["password"] == "s3cret"
    assert answer("notifications", "list")["results"] == [new]


def test_a_chat_that_is_a_number_stays_a_text() -> None:
    token = "12345:AAAAAAAAAAAAAAAAAAAAAAAAAA"
    new = answer("notifications", "add", "t", "telegram", "--set", "chat_id=-42", "--secret", "token", given=token)
    assert new["settings"]["chat_id"] == "-42"


def test_an_unknown_kind_or_setting_says_what_is_allowed() -> None:
    assert "Choose one of mail, webhook" in skycam("notifications", "add", "p", "pigeon").stderr
    assert "room" in skycam("notifications", "add", "m", "matrix", "--set", "server=https://m.example").stderr
    assert "is not NAME=VALUE" in skycam("notifications", "add", "m", "matrix", "--set", "server").stderr


def test_a_route_is_added_listed_and_removed() -> None:
    webhook_channel(name="lab")
    boss = webhook_channel(name="boss")
    fields = ("--set", "severity=error", "--set", "escalate_after_s=600", "--set", "escalate_to=boss")
    new = answer("notifications", "add-route", "night", "lab", *fields)
    assert (new["severity"], new["escalate_to"]) == ("error", str(boss.pk))
    assert answer("notifications", "routes")["results"] == [new]
    assert "lab" in skycam("notifications", "routes").stdout
    assert answer("notifications", "remove-route", "night") == new


def test_a_test_shows_the_outcome_and_is_listed() -> None:
    with receiving(status(200)) as receiver:
        webhook_channel(receiver.url)
        assert "accepted the test" in skycam("notifications", "test", "lab").stdout
    failed = skycam("notifications", "test", "lab")
    assert (failed.exit_code, "cannot be reached" in failed.stdout) == (1, True)
    assert "failed" in skycam("notifications", "sent", "--channel", "lab").stdout


def test_a_channel_is_changed_switched_and_removed() -> None:
    webhook_channel()
    changed = answer("notifications", "change", "lab", "--secret", "secret", given=f"{SECRET} again\n")
    assert SECRET not in str(changed)
    assert answer("notifications", "disable", "lab")["enabled"] is False
    assert answer("notifications", "enable", "lab")["enabled"] is True
    answer("notifications", "remove", "lab")
    assert "no one is notified" in skycam("notifications", "list").stdout


def test_an_alert_is_silenced_and_notified_again() -> None:
    alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=None)
    made = answer("alerts", "silence", str(alert.pk), "--for", "8h", "--reason", "cleaning")
    assert (made["key"], made["reason"]) == (alert.key, "cleaning")
    assert "cleaning" in skycam("alerts", "silences").stdout
    assert answer("alerts", "unsilence", made["id"])["ended"] is not None
    assert "No silences." in skycam("alerts", "silences").stdout
