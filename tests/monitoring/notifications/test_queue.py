"""From an alert to its notifications: routes, groups, quiet hours, repetition, escalation, resolution, silences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.camera_refs import Cameras
from core.deliveries.rows import A_DAY
from core.events.models import Alert, Event
from core.events.service import acknowledge_alert, raise_alert, record_event, resolve_alert
from monitoring.models import AlertSilence, NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notifications.channels.base import SendResult
from monitoring.notifications.deliveries import claim, due_channels
from monitoring.notifications.outcomes import failing_alert, give_up_killed, record_outcome
from monitoring.notifications.queue import due_at, route_matches, targets_of
from monitoring.notifications.services import remove_channel
from monitoring.notifications.silences import add_silence, end_expired_silences, end_silence, silence_alert
from tests.harness.far_ends.webhook_receiver import WebhookReceiver, in_turn, receiving, status
from tests.harness.rows.notifications import (
    SECRET,
    mail_channel,
    make_due,
    route_to,
    send_due,
    states,
    wait_s,
    webhook_channel,
)

pytestmark = pytest.mark.django_db
KEY = "camera.quarantined:sky"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(status(200)) as found:
        yield found


@pytest.fixture
def channel(receiver: WebhookReceiver) -> NotificationChannel:
    return webhook_channel(receiver.url)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.notifications.queue.station_zone", lambda: UTC)


def bodies(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [json.loads(got.body) for got in receiver.received]


def opened(key: str = KEY, severity: str = "error", camera: Cameras = None, **values: Any) -> Alert:
    return raise_alert(key, "Check the camera.", camera=camera, severity=severity, **values)


def test_an_alert_is_sent_once_however_often_it_is_raised(
    channel: NotificationChannel, receiver: WebhookReceiver
) -> None:
    route_to(channel)
    opened()
    opened()
    send_due()
    opened()
    assert send_due() == []
    [body] = bodies(receiver)
    assert (body["kind"], body["alerts"][0]["key"], body["alerts"][0]["count"]) == ("opened", KEY, 2)
    assert Event.objects.get(kind="notification.sent").data["kind"] == "opened"


def test_a_notification_is_rolled_back_with_its_alert(channel: NotificationChannel) -> None:
    route_to(channel)
    with transaction.atomic():
        opened()
        transaction.set_rollback(True)
    assert states() == []


def test_alerts_that_open_together_go_in_one_message(channel: NotificationChannel, receiver: WebhookReceiver) -> None:
    route_to(channel, group_wait_s=10)
    opened("disk:one")
    opened("disk:two")
    assert due_channels() == []
    make_due()
    send_due()
    assert [alert["key"] for alert in bodies(receiver)[0]["alerts"]] == ["disk:one", "disk:two"]
    assert len(receiver.received) == 1


def test_an_alert_joins_a_message_whose_wait_is_over(channel: NotificationChannel, receiver: WebhookReceiver) -> None:
    route_to(channel, group_wait_s=60)
    first = opened("disk:one")
    opened("disk:two")
    make_due(alert=first.pk)
    send_due()
    assert len(bodies(receiver)[0]["alerts"]) == 2


def test_a_critical_alert_waits_for_nothing(channel: NotificationChannel, zone: None) -> None:
    route = route_to(channel, group_wait_s=60, quiet_from="00:00", quiet_until="23:59")
    at = datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert due_at(route, "critical", at) == at
    assert due_at(route, "error", at) == datetime(2026, 11, 24, 23, 59, tzinfo=UTC)


def test_quiet_hours_pass_midnight(channel: NotificationChannel, zone: None) -> None:
    route = route_to(channel, quiet_from="22:00", quiet_until="07:00")
    evening, morning = datetime(2026, 11, 24, 23, tzinfo=UTC), datetime(2026, 11, 25, 7, tzinfo=UTC)
    assert due_at(route, "warning", evening) == morning
    assert due_at(route, "warning", morning) == morning


def test_what_is_resolved_before_it_was_sent_is_cancelled(channel: NotificationChannel) -> None:
    route_to(channel, group_wait_s=60)
    opened()
    resolve_alert(KEY)
    assert states() == [("opened", "cancelled")]


def test_a_resolution_is_told_to_those_who_were_told_of_the_alert(
    channel: NotificationChannel, receiver: WebhookReceiver
) -> None:
    route_to(channel)
    opened()
    send_due()
    resolve_alert(KEY)
    send_due()
    assert [body["kind"] for body in bodies(receiver)] == ["opened", "resolved"]
    assert bodies(receiver)[1]["alerts"][0]["state"] == "resolved"


def test_a_route_may_want_no_notice_of_resolution(channel: NotificationChannel) -> None:
    route_to(channel, notify_resolved=False)
    opened()
    send_due()
    resolve_alert(KEY)
    assert states() == [("opened", "sent")]


@pytest.mark.parametrize(
    ("values", "matches"),
    [
        ({}, True),
        ({"severity": "critical"}, False),
        ({"severity": "info"}, True),
        ({"key_prefix": "camera."}, True),
        ({"key_prefix": "storage."}, False),
        ({"camera": "other"}, False),
        ({"host": "dome"}, True),
        ({"host": "main"}, False),
        ({"active_from": "08:00", "active_until": "18:00"}, False),
        ({"active_from": "20:00", "active_until": "06:00"}, True),
    ],
)
def test_a_route_matches_by_severity_key_camera_host_and_time(
    values: dict[str, Any], matches: bool, channel: NotificationChannel, zone: None
) -> None:
    alert = opened(host="dome")
    assert route_matches(route_to(channel, **values), alert, datetime(2026, 11, 24, 3, tzinfo=UTC)) is matches


def channels_of(alert: Alert) -> list[str]:
    names = NotificationChannel.objects.in_bulk()
    return [names[target.channel].name for target in targets_of(alert, timezone.now())]


def test_an_alert_goes_to_the_first_route_that_matches(channel: NotificationChannel) -> None:
    night, default = webhook_channel(name="night"), webhook_channel(name="default")
    route_to(night, "cameras", position=1, key_prefix="camera.")
    route_to(default, "default", position=2)
    assert channels_of(opened()) == ["night"]
    assert channels_of(opened("storage.failed:1")) == ["default"]


def test_a_route_may_let_later_ones_match_too(channel: NotificationChannel) -> None:
    other = webhook_channel(name="other")
    route_to(channel, "first", position=1, continue_matching=True)
    route_to(other, "second", position=2)
    assert channels_of(opened()) == ["lab", "other"]


def test_a_disabled_channel_leaves_its_alerts_to_the_next_route(channel: NotificationChannel) -> None:
    other = webhook_channel(name="other")
    route_to(channel, "first", position=1)
    route_to(other, "second", position=2)
    NotificationChannel.objects.filter(pk=channel.pk).update(enabled=False)
    assert channels_of(opened()) == ["other"]


def test_an_alert_is_repeated_until_somebody_acknowledges(
    channel: NotificationChannel, receiver: WebhookReceiver, still_clock: datetime
) -> None:
    route_to(channel, repeat_every_s=3600)
    alert = opened()
    send_due()
    make_due()
    send_due()
    assert [body["kind"] for body in bodies(receiver)] == ["opened", "repeat"]
    assert wait_s(NotificationDelivery.objects.get(kind="repeat", sequence=2)) == 3600
    acknowledge_alert(alert, "anna")
    assert states() == [("opened", "sent"), ("repeat", "sent"), ("repeat", "cancelled")]


def test_a_repetition_waits_for_the_end_of_the_quiet_hours(channel: NotificationChannel, zone: None) -> None:
    now = timezone.now()
    begin, end = now + timedelta(minutes=30), now + timedelta(hours=3)
    quiet = {"quiet_from": f"{begin:%H:%M}", "quiet_until": f"{end:%H:%M}"}
    route_to(channel, repeat_every_s=3600, group_wait_s=3600, **quiet)
    opened()
    make_due()
    send_due()
    repeat = NotificationDelivery.objects.get(kind="repeat")
    assert repeat.not_before == end.replace(second=0, microsecond=0)


def test_another_channel_is_told_when_nobody_acknowledges(
    channel: NotificationChannel, receiver: WebhookReceiver, still_clock: datetime
) -> None:
    boss = webhook_channel(receiver.url, "boss")
    route_to(channel, escalate_after_s=600, escalate_to=boss.pk)
    opened()
    send_due()
    assert wait_s(NotificationDelivery.objects.get(kind="escalation")) == 600
    make_due()
    send_due()
    assert [body["kind"] for body in bodies(receiver)] == ["opened", "escalation"]


def test_an_acknowledged_alert_is_not_escalated(channel: NotificationChannel) -> None:
    route_to(channel, escalate_after_s=600, escalate_to=webhook_channel(name="boss").pk)
    acknowledge_alert(opened(), "anna")
    assert ("escalation", "cancelled") in states()


def test_a_silenced_alert_is_open_and_waits(channel: NotificationChannel, receiver: WebhookReceiver) -> None:
    route_to(channel)
    silence = add_silence("anna", "maintenance", 3600, camera=None, key_prefix="camera.")
    alert = opened()
    send_due()
    assert (alert.state, receiver.received) == ("open", [])
    end_silence(silence, "anna")
    send_due()
    assert [body["kind"] for body in bodies(receiver)] == ["opened"]


def test_many_silenced_alerts_do_not_hide_another_one(channel: NotificationChannel, receiver: WebhookReceiver) -> None:
    route_to(channel, night_reports=True)
    add_silence("anna", "maintenance", 3600, camera=None, key_prefix="camera.")
    silenced = [opened(f"camera.failed:{number}") for number in range(60)]
    opened("disk:one")
    record_event(
        "night.reported", "120 of 120 captures.", subject="2026-11-22", data={"night": "2026-11-22"}, camera=None
    )
    send_due()
    send_due()
    assert [body["kind"] for body in bodies(receiver)] == ["opened", "report"]
    assert [alert["key"] for alert in bodies(receiver)[0]["alerts"]] == ["disk:one"]
    assert NotificationDelivery.objects.filter(tries=0).count() == len(silenced)


def test_a_channel_with_silenced_alerts_alone_is_not_due(channel: NotificationChannel) -> None:
    route_to(channel)
    silence_alert(opened(), "anna")
    assert due_channels() == []


def test_a_silence_ends_by_itself_with_an_event() -> None:
    silence = add_silence("anna", "", 3600, camera=None, key_prefix="camera.")
    AlertSilence.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    end_expired_silences()
    silence.refresh_from_db()
    assert silence.ended_at is not None
    assert Event.objects.get(kind="alert.unsilenced").actor == ""


def test_a_silence_until_the_alert_is_resolved_ends_with_it() -> None:
    silence = silence_alert(opened(), "anna")
    resolve_alert(KEY)
    silence.refresh_from_db()
    assert silence.ended_at is not None


def test_a_failure_is_tried_again_later_and_its_error_is_kept(still_clock: datetime) -> None:
    with receiving(in_turn(status(500), status(200))) as receiver:
        channel = webhook_channel(receiver.url)
        route_to(channel)
        opened()
        send_due()
        delivery = NotificationDelivery.objects.get()
        assert (delivery.state, delivery.error) == ("pending", "The receiver answered 500.")
        assert 8 < wait_s(delivery) < 12
        channel.refresh_from_db()
        assert (channel.last_error, bool(channel.failing_since)) == ("The receiver answered 500.", True)
        make_due()
        send_due()
    channel.refresh_from_db()
    assert (states(), channel.last_error, channel.failing_since) == ([("opened", "sent")], "", None)


def test_what_fails_for_a_day_is_given_up_with_an_event() -> None:
    with receiving(status(500)) as receiver:
        route_to(webhook_channel(receiver.url), repeat_every_s=3600)
        opened()
        NotificationDelivery.objects.update(tries=A_DAY.max_tries - 1)
        send_due()
    assert states() == [("opened", "failed"), ("repeat", "pending")]
    assert Event.objects.get(kind="notification.failed").severity == "error"


def test_no_stored_error_has_a_secret_that_the_receiver_repeats() -> None:
    with receiving(status(500, SECRET.encode())) as receiver:
        route_to(webhook_channel(receiver.url))
        opened()
        send_due()
    assert NotificationDelivery.objects.get().error == "The receiver answered 500. ***"


def test_a_last_attempt_that_was_killed_is_given_up_with_an_event(channel: NotificationChannel) -> None:
    route_to(channel)
    opened()
    NotificationDelivery.objects.update(tries=A_DAY.max_tries - 1)
    claim(channel.pk, "killed")
    give_up_killed()
    assert states() == [("opened", "pending")]
    NotificationChannel.objects.update(lease_until=None)
    give_up_killed()
    assert states() == [("opened", "failed")]
    assert "its outcome is not known" in Event.objects.get(kind="notification.failed").message


def test_a_channel_that_is_removed_while_it_sends_leaves_no_error(channel: NotificationChannel) -> None:
    route_to(channel)
    opened()
    found = claim(channel.pk, "a worker")
    remove_channel(channel, "anna")
    assert found is not None
    record_outcome(found, SendResult("The receiver answered 500."))
    assert not Event.objects.filter(kind__startswith="notification.failed").exists()


def test_a_message_that_failed_says_later_that_its_alert_is_resolved() -> None:
    with receiving(in_turn(status(500), status(200))) as receiver:
        route_to(webhook_channel(receiver.url))
        opened()
        send_due()
        resolve_alert(KEY)
        make_due(kind="opened")
        send_due()
    assert "Resolved: Check the camera." in bodies(receiver)[1]["title"]


def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(channel: NotificationChannel) -> None:
    route_to(channel)
    opened()
    NotificationDelivery.objects.update(tries=1, not_before=timezone.now() + timedelta(days=2))
    send_due()
    assert states() == [("opened", "sent")]


def test_a_channel_that_fails_for_long_is_told_over_another_one(receiver: WebhookReceiver) -> None:
    with receiving(status(500)) as broken:
        failing, other = webhook_channel(broken.url, "broken"), webhook_channel(receiver.url, "other")
        route_to(failing)
        NotificationChannel.objects.filter(pk=failing.pk).update(failing_since=timezone.now() - timedelta(hours=1))
        opened()
        send_due()
        send_due()
    assert [body["alerts"][0]["key"] for body in bodies(receiver)] == [failing_alert(failing)]
    assert NotificationDelivery.objects.filter(channel=other).count() == 1


def test_the_alert_of_a_failing_channel_ends_when_it_works(receiver: WebhookReceiver) -> None:
    channel = webhook_channel(receiver.url)
    route_to(channel)
    NotificationChannel.objects.update(failing_since=timezone.now())
    raise_alert(failing_alert(channel), "It fails.", camera=None)
    opened()
    send_due()
    assert Alert.objects.get(key=failing_alert(channel)).state == "resolved"


def test_a_channel_sends_one_message_at_a_time(channel: NotificationChannel) -> None:
    route_to(channel)
    opened()
    assert claim(channel.pk, "one") is not None
    assert claim(channel.pk, "another") is None
    assert due_channels() == []


def test_the_report_of_a_night_goes_to_the_routes_that_want_it(
    channel: NotificationChannel, receiver: WebhookReceiver
) -> None:
    route_to(channel, night_reports=True)
    route_to(webhook_channel(receiver.url, "other"), "other")
    record_event(
        "night.reported", "120 of 120 captures.", subject="2026-11-22", data={"night": "2026-11-22"}, camera=None
    )
    send_due()
    assert [(body["kind"], body["text"]) for body in bodies(receiver)] == [("report", "120 of 120 captures.")]


def test_an_alert_costs_three_queries_more_at_most() -> None:
    route_to(mail_channel(1))
    with CaptureQueriesContext(connection) as with_route:
        opened("disk:one")
    NotificationRoute.objects.all().delete()
    with CaptureQueriesContext(connection) as without:
        opened("disk:two")
    assert len(with_route) - len(without) <= 3
