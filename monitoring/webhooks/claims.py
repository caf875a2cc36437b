"""How a host takes a delivery for one attempt. A lease keeps other hosts from sending it too, and the database allows
one lease for each web-hook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from core import database_clock
from core.events.models import Event
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhooks.payload import encode_payload
from monitoring.webhooks.retry_schedule import MAX_DELAY_S

LEASE_S = 30.0
"""Three times as long as an attempt may take, with what the database needs."""
MAX_ATTEMPTS = 40
"""Attempts of a delivery that are kept: those of a day, and some replays."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is leased for one attempt; `delivery.webhook` is loaded."""

    delivery: WebhookDelivery
    attempt: WebhookAttempt

    @property
    def rows(self) -> QuerySet[WebhookDelivery]:
        """The delivery, unless the lease was lost since."""
        # The tries, too: the same worker may have lost the delivery and claimed it again.
        return WebhookDelivery.objects.filter(
            pk=self.delivery.pk, worker=self.delivery.worker, tries=self.delivery.tries
        )


def is_due(now: datetime) -> Q:
    """Condition for the time of a pending delivery. A time that is further away than any delay comes from a clock that
    was set back since: it does not hold the delivery back."""
    return Q(not_before__lte=now) | Q(not_before__gt=now + timedelta(seconds=MAX_DELAY_S))


def release_lost_leases() -> int:
    """Release deliveries whose attempt was killed. Returns their number. A lease that is longer than any worker gives
    has ended, too: the clock was set back."""
    now = database_clock.now()
    ended = Q(lease_until__lt=now) | Q(lease_until__gt=now + timedelta(seconds=2 * LEASE_S))
    lost = WebhookDelivery.objects.filter(ended, lease_until__isnull=False)
    # An UPDATE of no row would still wait for SQLite's other writers.
    return lost.update(lease_until=None, worker="") if lost.exists() else 0


def due_deliveries() -> list[tuple[UUID, UUID, bool]]:
    """For each web-hook that sends nothing now, its oldest delivery that is due: web-hook, delivery, and whether the
    web-hook is failing. The one that waits longest comes first."""
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, webhook=OuterRef("pk"))
    oldest = pending.filter(is_due(database_clock.now())).order_by("created_at", "id")
    sending = WebhookDelivery.objects.filter(lease_until__isnull=False).values("webhook")
    rows = (
        Webhook.objects.filter(enabled=True)
        .exclude(pk__in=sending)
        .annotate(due=Subquery(oldest.values("pk")[:1]), since=Subquery(oldest.values("not_before")[:1]))
        .exclude(due=None)
        .order_by("since", "pk")
        .values_list("pk", "due", "failing_since")
    )
    return [(webhook, delivery, since is not None) for webhook, delivery, since in rows]


def claim(delivery: UUID, worker: str) -> Claim | None:
    """Lease the delivery to `worker` and note the begin of an attempt. None if it is not pending any more, or its
    web-hook sends another one."""
    pending = WebhookDelivery.objects.filter(pk=delivery, state=DeliveryState.PENDING, lease_until=None)
    try:
        with transaction.atomic():
            until = database_clock.now() + timedelta(seconds=LEASE_S)
            # Counted before the attempt: a delivery that kills its worker each time must not be tried for ever.
            if not pending.update(lease_until=until, worker=worker, tries=F("tries") + 1):
                return None
            return _begun(delivery)
    except IntegrityError:
        return None  # another host was quicker


def claim_new(webhook: Webhook, event: Event, worker: str) -> Claim | None:
    """A new delivery of the event, leased to `worker` from its beginning, so that no host sends it. None while the
    web-hook sends another one."""
    until = database_clock.now() + timedelta(seconds=LEASE_S)
    delivery = WebhookDelivery(
        webhook=webhook, event=event.id, kind=event.kind, body=encode_payload(event), worker=worker, lease_until=until,
        tries=1,
    )  # fmt: skip
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
