"""Channels, routes and silences over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.events.models import Event
from core.events.service import raise_alert
from monitoring.models import AlertSilence, NotificationChannel, NotificationRoute
from monitoring.notifications.sending import settings_of
from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.rows.audiences import only_for
from tests.harness.rows.notifications import SECRET, mail_channel, route_to, webhook_channel

pytestmark = pytest.mark.django_db
API = "/api/v1/notifications/"
WEBHOOK = {
    "name": "lab",
    "kind": "webhook",
    "settings": {"url": "https://lab.example/hooks/s3cret-token-0123456789", "secret": SECRET},
}


def send(client: Any, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(path, json.dumps(body), content_type="application/json")


def test_a_channel_is_added_and_its_secrets_are_never_shown(manager: Any) -> None:
    answer = send(manager, "post", f"{API}channels/", WEBHOOK)
    assert answer.status_code == 201
    shown = answer.content + manager.get(answer["Location"]).content + manager.get(f"{API}channels/").content
    assert b"s3cret-token" not in shown
    assert SECRET.encode() not in shown
    row = NotificationChannel.objects.get()
    assert SECRET not in row.settings_encrypted
    assert settings_of(row).model_dump()["secret"] == SECRET
    assert SECRET not in json.dumps(Event.objects.get(kind="notification.added").data)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"name": "a\u202eb"}, "name"),
        ({"settings": {"url": "http://169.254.169.254/", "secret": SECRET}}, "settings"),
        ({"settings": {"url": "https://lab.example/"}}, "settings"),
        ({"settings": {"url": "https://lab.example/", "secret": SECRET, "more": 1}}, "settings"),
    ],
)
def test_a_wrong_channel_is_refused_with_its_field(change: dict[str, Any], field: str, manager: Any) -> None:
    answer = send(manager, "post", f"{API}channels/", {**WEBHOOK, **change})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert SECRET not in answer.content.decode()


def test_another_destination_needs_its_secret_again(manager: Any) -> None:
    channel = webhook_channel("https://lab.example/hook")
    path = f"{API}channels/{channel.pk}/"
    moved = send(manager, "patch", path, {"settings": {"url": "https://eve.example/hook"}})
    assert moved.status_code == 400
    assert "secret must be given again, because url changes" in moved.content.decode()
    both = {"url": "https://new.example/hook", "secret": "another secret of it"}
    assert send(manager, "patch", path, {"settings": both}).status_code == 200
    assert settings_of(NotificationChannel.objects.get()).model_dump()["url"] == "https://new.example/hook"


def test_a_change_keeps_what_is_not_given(manager: Any) -> None:
    channel = mail_channel(2525)
    given = {"settings": {"recipients": ["bob@example.org"]}}
    assert send(manager, "patch", f"{API}channels/{channel.pk}/", given).status_code == 200
    stored = settings_of(NotificationChannel.objects.get()).model_dump()
    assert (stored["recipients"], stored["port"]) == (["bob@example.org"], 2525)


def test_a_test_sends_a_real_message_and_answers_with_its_outcome(manager: Any) -> None:
    with receiving(status(500)) as receiver:
        channel = webhook_channel(receiver.url)
        failed = manager.post(f"{API}channels/{channel.pk}/test/").json()
        receiver.answer = status(200)
        sent = manager.post(f"{API}channels/{channel.pk}/test/").json()
    assert (failed["state"], failed["error"], sent["state"]) == ("failed", "The receiver answered 500.", "sent")
    assert [json.loads(got.body)["kind"] for got in receiver.received] == ["test", "test"]


def test_a_channel_that_is_removed_takes_its_routes_with_it(manager: Any) -> None:
    channel, other = webhook_channel(), webhook_channel(name="other")
    route_to(channel)
    route_to(other, "second", escalate_after_s=60, escalate_to=channel.pk)
    assert manager.delete(f"{API}channels/{channel.pk}/").status_code == 204
    left = NotificationRoute.objects.get()
    assert (left.name, left.escalate_to, left.escalate_after_s) == ("second", None, 0)
    assert Event.objects.get(kind="notification.removed").message.endswith("Without escalation now: second.")


@pytest.mark.parametrize(
    "change",
    [
        {"quiet_from": "22:00"},
        {"quiet_from": "25:00", "quiet_until": "07:00"},
        {"repeat_every_s": 5},
        {"escalate_after_s": 60},
        {"channel": "00000000-0000-0000-0000-000000000000"},
        {"severity": "bad"},
    ],
)
def test_a_wrong_route_is_refused(change: dict[str, Any], manager: Any) -> None:
    route = {"name": "all", "channel": str(webhook_channel().pk), **change}
    assert send(manager, "post", f"{API}routes/", route).status_code == 400


def test_a_route_is_added_changed_and_removed(manager: Any) -> None:
    route = {"name": "all", "channel": str(webhook_channel().pk)}
    added = send(manager, "post", f"{API}routes/", route)
    path = added["Location"]
    assert send(manager, "put", path, {**route, "severity": "critical"}).json()["severity"] == "critical"
    assert manager.delete(path).status_code == 204
    assert manager.get(f"{API}routes/").json() == {"results": []}


def test_a_list_of_channels_costs_one_query_for_any_number(manager: Any) -> None:
    [webhook_channel(name=f"channel {number}") for number in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert len(manager.get(f"{API}channels/").json()["results"]) == 5
    assert len([one for one in queries if "notificationchannel" in one["sql"]]) == 1


def test_an_operator_silences_an_alert_for_some_time_and_ends_it(operator: Any) -> None:
    alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=None)
    made = send(operator, "post", f"/api/v1/alerts/{alert.pk}/silence/", {"for_s": 3600, "reason": "cleaning"})
    assert (made.status_code, made.json()["key"], made.json()["reason"]) == (201, alert.key, "cleaning")
    assert len(operator.get("/api/v1/silences/?active=true").json()["results"]) == 1
    assert operator.post(f"/api/v1/silences/{made.json()['id']}/end/").json()["ended_by"] == "a-operator"
    assert operator.get("/api/v1/silences/?active=true").json()["results"] == []


def test_a_viewer_cannot_silence_an_alert(viewer: Any) -> None:
    alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=None)
    assert send(viewer, "post", f"/api/v1/alerts/{alert.pk}/silence/", {}).status_code == 403


def test_the_silence_of_a_hidden_camera_does_not_exist(operator: Any, camera: Any) -> None:
    only_for(camera)
    alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=camera)
    assert send(operator, "post", f"/api/v1/alerts/{alert.pk}/silence/", {}).status_code == 404
    silence = AlertSilence.objects.create(
        key=alert.key, created_by="anna", camera=camera.slug, camera_uuid=str(camera.pk)
    )
    assert operator.get("/api/v1/silences/").json()["results"] == []
    assert operator.post(f"/api/v1/silences/{silence.pk}/end/").status_code == 404


def test_a_silence_of_everything_is_refused(manager: Any) -> None:
    assert send(manager, "post", "/api/v1/silences/", {"for_s": 3600}).status_code == 400


def test_a_silence_is_repeated_with_the_same_key_only_once(operator: Any) -> None:
    alert = raise_alert("camera.quarantined:sky", "Check the camera.", camera=None)
    path, key = f"/api/v1/alerts/{alert.pk}/silence/", {"HTTP_IDEMPOTENCY_KEY": "0123456789abcdef"}
    made = [operator.post(path, "{}", content_type="application/json", **key).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert AlertSilence.objects.count() == 1


def test_the_metrics_name_channels_for_managers_only(manager: Any, viewer: Any) -> None:
    webhook_channel(name="night shift")
    assert 'skycam_notifications_pending{channel="night shift"} 0.0' in manager.get("/api/v1/metrics/").content.decode()
    assert "night shift" not in viewer.get("/api/v1/metrics/").content.decode()
    assert settings.STATION.web.public_url == ""
