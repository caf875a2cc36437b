"""Web-hooks and their deliveries that a test needs to exist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from core.camera_refs import Cameras
from core.events.models import Event
from core.events.service import record_event
from core.outgoing import OutgoingGuard
from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks.client import Answer, WebhookClient
from monitoring.webhooks.deliveries import claim, due_deliveries
from monitoring.webhooks.outcomes import attempt_delivery
from monitoring.webhooks.resource import WebhookRequest
from monitoring.webhooks.services import add_webhook

QUICK = WebhookClient(OutgoingGuard(), deadline_s=0.5)
"""For receivers that hang."""
PATIENT = WebhookClient(OutgoingGuard(), deadline_s=30.0)


def added(url: str = "http://127.0.0.1:9/hook", name: str = "lab", kinds: tuple[str, ...] = ("storage.*",)) -> Webhook:
    return add_webhook(WebhookRequest(name=name, url=url, kinds=list(kinds)), "anna")


def happened(kind: str = "storage.full", camera: Cameras = None, **fields: Any) -> Event:
    return record_event(kind, "The disk is full.", camera=camera, **fields)


def only_delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def deliver_due(client: WebhookClient = PATIENT) -> list[Answer]:
    """One attempt of the oldest delivery of each web-hook that is due."""
    claims = [claim(delivery, "a worker") for _, delivery, _ in due_deliveries()]
    return [attempt_delivery(one, client) for one in claims if one is not None]


def make_due(**conditions: Any) -> None:
    """What waits for its next attempt is due now."""
    WebhookDelivery.objects.filter(state="pending", **conditions).update(not_before=timezone.now())


def wait_s(delivery: WebhookDelivery) -> float:
    """Seconds until the next attempt."""
    delivery.refresh_from_db()
    return (delivery.not_before - timezone.now()) / timedelta(seconds=1)
