"""The signed link of a notification: one alert, without signing in, after a confirmation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from core.events.models import Alert, Event
from core.events.service import raise_alert, resolve_alert
from monitoring.models import AlertSilence, NotificationChannel
from monitoring.notifications.links import MAX_REQUESTS, link_of, link_token
from monitoring.notifications.sending import notified
from tests.harness.rows.notifications import webhook_channel

pytestmark = pytest.mark.django_db
KEY = "camera.quarantined:sky"


@pytest.fixture
def alert() -> Alert:
    return raise_alert(KEY, "Check the <camera>.", severity="critical", camera=None)


@pytest.fixture
def channel() -> NotificationChannel:
    return webhook_channel(name="night shift")


@pytest.fixture
def path(alert: Alert, channel: NotificationChannel) -> str:
    return f"/alerts/link/{link_token(alert.pk, channel.pk)}/"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock of the signatures ahead by some seconds."""
    from django.core import signing

    now = time.time

    def set_ahead(seconds: float) -> None:
        monkeypatch.setattr(signing.time, "time", lambda: now() + seconds)

    return set_ahead


def test_opening_the_link_shows_the_alert_and_changes_nothing(path: str, alert: Alert, client: Client) -> None:
    before = Event.objects.count()
    page = client.get(path)
    assert "Check the &lt;camera&gt;." in page.content.decode()
    assert (page["Cache-Control"], page["Referrer-Policy"]) == ("no-store", "no-referrer")
    alert.refresh_from_db()
    assert (alert.state, Event.objects.count()) == ("open", before)


def test_a_confirmation_acknowledges_in_the_name_of_the_channel(path: str, alert: Alert, client: Client) -> None:
    assert "The alert is acknowledged." in client.post(path, {"answer": "acknowledge"}).content.decode()
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", "link:night shift")
    assert Event.objects.get(kind="alert.acknowledged").actor == "link:night shift"


@pytest.mark.parametrize(("answer", "hours"), [("silence-1h", 1), ("silence-8h", 8)])
def test_a_confirmation_silences_for_hours(answer: str, hours: int, path: str, client: Client) -> None:
    client.post(path, {"answer": answer})
    silence = AlertSilence.objects.get()
    assert silence.ends_at is not None
    assert round((silence.ends_at - silence.created_at).total_seconds()) == hours * 3600
    assert (silence.key, silence.created_by) == (KEY, "link:night shift")


def test_a_confirmation_silences_until_the_alert_is_resolved(path: str, client: Client) -> None:
    client.post(path, {"answer": "silence"})
    assert AlertSilence.objects.get().ends_at is None


@pytest.mark.parametrize("answer", ["", "resolve", "silence-9h"])
def test_another_answer_changes_nothing(answer: str, path: str, client: Client) -> None:
    assert client.post(path, {"answer": answer}).status_code == 400
    assert AlertSilence.objects.count() == 0


def test_a_confirmation_needs_the_token_of_the_page(path: str) -> None:
    assert Client(enforce_csrf_checks=True).post(path, {"answer": "acknowledge"}).status_code == 403


def test_a_link_is_valid_for_a_week(path: str, client: Client, later: Callable[[float], None]) -> None:
    later(7 * 86_400 - 60)
    assert client.get(path).status_code == 200
    later(7 * 86_400 + 60)
    assert client.get(path).status_code == 410


@pytest.mark.parametrize("broken", ["x", "a:b:c", "é", "a" * 300])
def test_a_link_that_was_not_made_here_shows_nothing(broken: str, client: Client) -> None:
    page = client.get(f"/alerts/link/{broken}/")
    assert page.status_code == 410
    assert "Check the" not in page.content.decode()


def test_a_link_of_one_alert_is_none_of_another(path: str, channel: NotificationChannel, client: Client) -> None:
    other = raise_alert("storage.failed:1", "The disk fails.", camera=None)
    forged = path.replace(path[13:45], other.pk.hex)
    assert client.get(forged).status_code == 410


def test_a_channel_that_is_switched_off_takes_its_links_with_it(path: str, client: Client) -> None:
    NotificationChannel.objects.update(enabled=False)
    assert client.post(path, {"answer": "acknowledge"}).status_code == 410


def test_a_resolved_alert_needs_no_answer(path: str, client: Client) -> None:
    resolve_alert(KEY)
    page = client.post(path, {"answer": "acknowledge"})
    assert "<button" not in page.content.decode()
    assert Alert.objects.get().state == "resolved"


def test_the_requests_of_an_address_are_limited(path: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.notifications.links.time.time", lambda: 30.0)
    answers = [client.get(path).status_code for _ in range(MAX_REQUESTS + 1)]
    assert answers[-2:] == [200, 429]


def test_a_message_has_a_link_only_with_a_public_address(
    alert: Alert, channel: NotificationChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert link_of(alert.pk, channel.pk) == ""
    web: Any = settings.STATION.web.model_copy(update={"public_url": "https://sky.example.org"})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"web": web}))
    assert notified(alert, channel.pk).link.startswith("https://sky.example.org/alerts/link/")
