"""Which events become deliveries, in which transaction, and what it costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from cameras.models import Camera
from core.events.models import Event
from core.events.service import record_event
from monitoring.models import WebhookDelivery
from monitoring.webhooks.resource import WebhookChange
from monitoring.webhooks.services import change_webhook
from tests.harness.rows.webhooks import added, happened, only_delivery

pytestmark = pytest.mark.django_db


def test_an_event_has_a_delivery_for_each_web_hook_of_its_kind() -> None:
    exact = added(name="exact", kinds=("storage.full",))
    family = added(name="family", kinds=("storage.*", "session.gap"))
    everything = added(name="all", kinds=("*",))
    added(name="other", kinds=("session.*",))
    event = happened("storage.full")
    found = WebhookDelivery.objects.filter(event=event.id).values_list("webhook", flat=True)
    assert set(found) == {exact.pk, family.pk, everything.pk}


def test_a_body_is_the_event_as_json(camera: Camera) -> None:
    added()
    data = {"free": 3, "arguments": {"address": "rtsp://camera", "gain": 2}}
    event = record_event(
        "storage.full", "Voll: ä.", severity="error", camera=camera, subject="s", actor="bo", data=data
    )
    body = json.loads(bytes(only_delivery().body))
    assert body["at"].endswith("Z")
    assert {name: value for name, value in body.items() if name not in {"at", "host", "station"}} == {
        "id": str(event.id), "kind": "storage.full", "severity": "error", "camera": "sky", "subject": "s",
        "actor": "bo", "message": "Voll: ä.", "data": {"free": 3, "arguments": {"gain": 2}},
    }  # fmt: skip


def test_an_event_of_no_camera_has_a_null() -> None:
    added()
    happened()
    assert json.loads(bytes(only_delivery().body))["camera"] is None


def test_a_delivery_is_rolled_back_with_its_event() -> None:
    added()
    with transaction.atomic():
        happened()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()
    assert not Event.objects.filter(kind="storage.full").exists()


def test_a_web_hook_that_is_off_gets_nothing() -> None:
    webhook = added()
    change_webhook(webhook, WebhookChange(enabled=False), "anna")
    happened()
    assert not WebhookDelivery.objects.exists()


def test_an_event_that_no_web_hook_gets_costs_one_query(django_assert_num_queries: Any) -> None:
    added(kinds=("session.*",))
    with django_assert_num_queries(2):  # with the event itself
        happened("storage.full")


@pytest.mark.parametrize("kind", ["capture.saved", "recording.rotated", "command", "webhook.failed"])
def test_an_event_that_no_web_hook_can_get_costs_no_query(kind: str, django_assert_num_queries: Any) -> None:
    added(kinds=("*",))
    with django_assert_num_queries(1):
        happened(kind)
    assert not WebhookDelivery.objects.exists()
