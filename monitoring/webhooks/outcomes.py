"""What follows from the outcome of an attempt: the next state of the delivery, and the events and alerts of its
web-hook. Each outcome is one transaction."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from core import database_clock
from core.events.service import raise_alert, record_event, resolve_alert
from core.events.severity import Severity
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhooks.claims import Claim
from monitoring.webhooks.client import Answer
from monitoring.webhooks.kinds import TEST_KIND
from monitoring.webhooks.retry_schedule import MAX_TRIES, retry_delay_s
from monitoring.webhooks.transitions import cancel_pending, change_state

ALERT_AFTER = timedelta(hours=1)
KILLED = "The process that made the last attempt was killed during it."
GONE_REASON = "The receiver answered 410: it wants no more deliveries."


def failing_alert(webhook: Webhook) -> str:
    return f"webhook.failing:{webhook.pk}"


def gone_alert(webhook: Webhook) -> str:
    return f"webhook.gone:{webhook.pk}"


@transaction.atomic
def record_outcome(claim: Claim, answer: Answer) -> None:
    """Write the answer to the attempt, and move the delivery. If the lease was lost meanwhile, or the delivery
    cancelled, only the answer is written."""
    # Locked first, in the order of those who change a web-hook: otherwise two transactions could wait for each other.
    webhook = Webhook.objects.select_for_update().get(pk=claim.delivery.webhook_id)
    WebhookAttempt.objects.filter(pk=claim.attempt.pk).update(
        duration_s=answer.duration_s, status=answer.status, answer=answer.text, error=answer.error
    )
    if not answer.error:
        _note_delivered(claim, webhook)
    elif claim.delivery.kind == TEST_KIND:
        # A test is not repeated, and says nothing about the events.
        change_state(claim.rows, DeliveryState.PENDING, DeliveryState.FAILED, error=answer.error)
    elif answer.is_gone:
        _note_gone(claim, webhook, answer)
    else:
        _note_failure(claim, webhook, answer)


def _note_delivered(claim: Claim, webhook: Webhook) -> None:
    change_state(claim.rows, DeliveryState.PENDING, DeliveryState.DELIVERED, error="")
    if webhook.failing_since is None:
        return
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=None)
    # The receiver works again, so what it has missed need not wait for up to an hour. Once: a delivery that it accepts
    # never, between others that it accepts, must not use up the attempts of a day within minutes.
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING, lease_until=None)
    waiting.filter(hastened=False, not_before__gt=database_clock.now()).update(
        not_before=database_clock.now(), hastened=True
    )
    resolve_alert(failing_alert(webhook))


def _note_gone(claim: Claim, webhook: Webhook, answer: Answer) -> None:
    change_state(claim.rows, DeliveryState.PENDING, DeliveryState.FAILED, error=answer.error)
    switched = Webhook.objects.filter(pk=webhook.pk, enabled=True).update(
        enabled=False, disabled_reason=GONE_REASON, failing_since=None
    )
    if not switched:
        return
    cancel_pending(webhook, GONE_REASON)
    message = f"The web-hook {webhook.name} is switched off. {GONE_REASON}"
    record_event("webhook.gone", message, camera=None, severity=Severity.ERROR, subject=webhook.pk)
    resolve_alert(failing_alert(webhook))
    raise_alert(
        gone_alert(webhook), f"{message} Remove it, or switch it on again.", severity=Severity.ERROR, camera=None
    )


def _note_failure(claim: Claim, webhook: Webhook, answer: Answer) -> None:
    tries = claim.delivery.tries
    _note_failing(webhook)
    if tries >= MAX_TRIES:
        _end_failed(claim.rows, claim.delivery, webhook, answer.error)
        return
    again = database_clock.now() + timedelta(seconds=retry_delay_s(tries, answer.retry_after_s))
    kept = claim.rows.filter(state=DeliveryState.PENDING)
    kept.update(not_before=again, error=answer.error, lease_until=None, worker="")


def fail_killed() -> None:
    """End deliveries whose last attempt was killed with its process: its outcome is not known, and there is no other
    one."""
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, lease_until=None)
    for delivery in waiting.filter(tries__gte=MAX_TRIES):
        with transaction.atomic():
            webhook = Webhook.objects.select_for_update().get(pk=delivery.webhook_id)
            rows = waiting.filter(pk=delivery.pk, tries=delivery.tries)
            _end_failed(rows, delivery, webhook, KILLED)


def _end_failed(rows: QuerySet[WebhookDelivery], delivery: WebhookDelivery, webhook: Webhook, error: str) -> None:
    if change_state(rows, DeliveryState.PENDING, DeliveryState.FAILED, error=error):
        record_event(
            "webhook.failed",
            f"The web-hook {webhook.name} did not get an event of the kind {delivery.kind}: {error}",
            camera=None,
            severity=Severity.ERROR,
            subject=webhook.pk,
            data={"delivery": str(delivery.pk), "event": str(delivery.event), "tries": delivery.tries},
        )


def _note_failing(webhook: Webhook) -> None:
    """Note the first failure since the last success, and raise the alert an hour after it."""
    now = database_clock.estimate()
    since = webhook.failing_since
    # A time in the future comes from a clock that was set back since.
    if since is None or since > now:
        Webhook.objects.filter(pk=webhook.pk).update(failing_since=now)
    elif now - since >= ALERT_AFTER and webhook.enabled:
        raise_alert(
            failing_alert(webhook),
            f"The web-hook {webhook.name} has delivered nothing for {(now - since).total_seconds() / 3600:.0f} h. Its "
            "page says why. A delivery that fails for a day is given up.",
            camera=None,
            severity=Severity.WARNING,
        )
