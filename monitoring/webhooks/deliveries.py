"""Deliveries as rows: written in the transaction of their event, with the body in the bytes that are stored, signed
and sent, taken by a host for one attempt, and moved. A lease keeps other hosts from sending one too, and the database
allows one lease for each web-hook."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from core import database_clock
from core.deliveries.rows import A_DAY, RELEASED, Lease, Schedule, Transitions, held_rows
from core.deliveries.thread import Due, Waker
from core.events.answers import without_address
from core.events.models import Event
from core.slices import slices_of
from core.station_settings import station_name
from core.times.timestamps import stamp
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhook_models import DELIVERY_TRANSITIONS
from monitoring.webhooks.kinds import KINDS, matches


class PayloadBody(TypedDict):
    id: str
    kind: str
    at: str
    station: str
    host: str
    severity: str
    camera: str | None
    subject: str
    actor: str
    message: str
    data: dict[str, Any]


def encode_payload(event: Event) -> bytes:
    """The event without addresses of cameras: the receiver is no manager."""
    body = PayloadBody(
        id=str(event.id),
        kind=event.kind,
        at=stamp(event.at),
        station=station_name(),
        host=event.host,
        severity=event.severity,
        camera=event.camera or None,
        subject=event.subject,
        actor=event.actor,
        message=event.message,
        data=without_address(event.data),
    )
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


SCHEDULE = Schedule(A_DAY)
LEASE = Lease(30.0)
"""Three times as long as an attempt may take, with what the database needs."""
MOVES = Transitions("A delivery", DELIVERY_TRANSITIONS, frozenset(DeliveryState) - {DeliveryState.PENDING})
MAX_ATTEMPTS = 40
"""Attempts of a delivery that are kept: those of a day, and some replays."""


@functools.cache
def webhook_waker() -> Waker:
    """The one of this process. One host takes the message from the queue that all hosts share."""
    return Waker("webhook-waker", "monitoring.wake_webhooks")


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


def change_state(
    rows: QuerySet[WebhookDelivery], before: DeliveryState, after: DeliveryState, **fields: Any
) -> int:  # fmt: skip
    """Move those of `rows` that are in the state `before`; returns their number. ValueError for a move that
    DELIVERY_TRANSITIONS does not have."""
    return MOVES.move(rows, before, after, **RELEASED, **fields)


def cancel_pending(webhook: Webhook, reason: str) -> int:
    """Cancel what waits; returns the number of deliveries. A request that is on its way is not called back. Not in a
    transaction: there may be ten thousand. After a kill, `trim_backlogs` cancels the rest."""
    pending = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING)
    return sum(
        change_state(pending.filter(pk__in=keys), DeliveryState.PENDING, DeliveryState.CANCELLED, error=reason)
        for keys in slices_of(pending)
    )


# For an attempt


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is leased for one attempt; `delivery.webhook` is loaded."""

    delivery: WebhookDelivery
    attempt: WebhookAttempt

    @property
    def rows(self) -> QuerySet[WebhookDelivery]:
        """The delivery, unless the lease was lost since."""
        return held_rows(self.delivery)


def release_lost_leases() -> int:
    """Release deliveries whose attempt was killed. Returns their number."""
    return LEASE.release_lost(WebhookDelivery.objects.all())


def due_deliveries() -> list[Due]:
    """For each web-hook that sends nothing now, its oldest delivery that is due. The one that waits longest comes
    first."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, webhook=OuterRef("pk"))
    oldest = pending.filter(SCHEDULE.is_due()).order_by("created_at", "id")
    sending = WebhookDelivery.objects.filter(lease_until__isnull=False).values("webhook")
    rows = (
        Webhook.objects.filter(enabled=True)
        .exclude(pk__in=sending)
        .annotate(due=Subquery(oldest.values("pk")[:1]), since=Subquery(oldest.values("not_before")[:1]))
        .exclude(due=None)
        .order_by("since", "pk")
        .values_list("pk", "due", "failing_since")
    )
    return [Due(webhook, delivery, since is not None) for webhook, delivery, since in rows]


def claim(delivery: UUID, worker: str) -> Claim | None:
    """Lease the delivery to `worker` and note the begin of an attempt. None if it is not pending any more, or its
    web-hook sends another one."""
    pending = WebhookDelivery.objects.filter(pk=delivery, state=DeliveryState.PENDING, lease_until=None)
    try:
        with transaction.atomic():
            # Counted before the attempt: a delivery that kills its worker each time must not be tried for ever.
            if not pending.update(**LEASE.taken(worker), tries=F("tries") + 1):
                return None
            return _begun(delivery)
    except IntegrityError:
        return None  # another host was quicker


def claim_new(webhook: Webhook, event: Event, worker: str) -> Claim | None:
    """A new delivery of the event, leased to `worker` from its beginning, so that no host sends it. None while the
    web-hook sends another one."""
    delivery = WebhookDelivery(
        webhook=webhook, event=event.id, kind=event.kind, body=encode_payload(event), tries=1, **LEASE.taken(worker)
    )
    try:
        with transaction.atomic():
            delivery.save(force_insert=True)
            return _begun(delivery.pk)
    except IntegrityError:
        return None


def _begun(delivery: UUID) -> Claim:
    attempt = WebhookAttempt.objects.create(delivery_id=delivery)
    kept = WebhookAttempt.objects.filter(delivery=delivery).values_list("pk", flat=True)
    WebhookAttempt.objects.filter(pk__in=list(kept[MAX_ATTEMPTS:])).delete()
    return Claim(WebhookDelivery.objects.select_related("webhook").get(pk=delivery), attempt)
