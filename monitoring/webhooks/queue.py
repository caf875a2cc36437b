"""Writes the deliveries of an event, in the transaction of the event."""

from __future__ import annotations

from django.db import transaction

from core import database_clock
from core.events.models import Event
from monitoring.models import Webhook, WebhookDelivery
from monitoring.webhooks.kinds import KINDS, matches
from monitoring.webhooks.payload import encode_payload
from monitoring.webhooks.wake import webhook_waker


def queue_deliveries(event: Event) -> None:
    """A delivery for each web-hook that gets events of this kind. One query where none does, and no query for kinds
    that no web-hook can get."""
    if event.kind not in KINDS:
        return
    enabled = Webhook.objects.filter(enabled=True).order_by().values_list("pk", "kinds")
    found = [webhook for webhook, kinds in enabled if matches(kinds, event.kind)]
    if not found:
        return
    # One order for the events of several machines.
    body, now = encode_payload(event), database_clock.estimate()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook_id=webhook, event=event.id, kind=event.kind, body=body, not_before=now, created_at=now)
        for webhook in found
    )
    # Before the commit the search finds nothing. Robust, since an event must not fail because of it.
    transaction.on_commit(webhook_waker().wake, robust=True)
