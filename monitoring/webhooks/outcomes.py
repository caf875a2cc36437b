"""One attempt: the stored body is signed and sent; its outcome moves the delivery, and causes the events and alerts of
its web-hook. Each outcome is one transaction."""

from __future__ import annotations

import time
from datetime import timedelta
from importlib.metadata import version

from django.db import transaction
from django.db.models import QuerySet

from core import database_clock
from core.deliveries.rows import RELEASED, FailureRule
from core.events.service import raise_alert, record_event, resolve_alert
from core.events.severity import Severity
from core.secrets import DecryptionFailed, decrypt_secret
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhooks.client import SIGNATURE_HEADER, Answer, WebhookClient, sign_body
from monitoring.webhooks.deliveries import SCHEDULE, Claim, cancel_pending, change_state
from monitoring.webhooks.kinds import TEST_KIND
from monitoring.webhooks.receiver_url import InvalidUrl, ReceiverUrl

USER_AGENT = f"Skycam/{version('skycam')}"
FAILURES = FailureRule(alert_after=timedelta(hours=1))
KILLED = "The process that made the last attempt was killed during it."
GONE_REASON = "The receiver answered 410: it wants no more deliveries."


def attempt_delivery(claim: Claim, client: WebhookClient) -> Answer:
    """DatabaseError; then the delivery is tried again when its lease has ended."""
    answer = _send(claim, client)
    record_outcome(claim, answer)
    return answer


def _send(claim: Claim, client: WebhookClient) -> Answer:
    delivery = claim.delivery
    # PostgreSQL returns a memoryview.
    body = bytes(delivery.body)
    try:
        url, keys = url_of(delivery.webhook), signing_keys(delivery.webhook)
    except (DecryptionFailed, InvalidUrl) as error:
        return Answer(str(error))
    return client.post(
        url,
        body,
        {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Skycam-Event": delivery.kind,
            "Skycam-Delivery": str(delivery.pk),
            # At each attempt: receivers refuse old time stamps.
            SIGNATURE_HEADER: sign_body(body, keys, int(time.time())),
        },
    )


def url_of(webhook: Webhook) -> ReceiverUrl:
    """The complete address. DecryptionFailed."""
    return ReceiverUrl.parse(decrypt_secret(webhook, "url_encrypted", "url"))


def signing_keys(webhook: Webhook) -> list[str]:
    """The key, and for a day after a rotation also the one before. DecryptionFailed."""
    columns = ["secret_encrypted"]
    if webhook.old_secret_until is not None and webhook.old_secret_until > database_clock.estimate():
        columns.append("old_secret_encrypted")
    return [decrypt_secret(webhook, column, "key") for column in columns]


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
    if not FAILURES.note_success(webhook):
        return
    # The receiver works again, so what it has missed need not wait for up to an hour. Once: a delivery that it accepts
    # never, between others that it accepts, must not use up the attempts of a day within minutes.
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING, lease_until=None)
    later = waiting.filter(hastened=False, not_before__gt=database_clock.now())
    later.update(**SCHEDULE.at_once(), hastened=True)
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
    if SCHEDULE.delays.is_last(tries):
        _end_failed(claim.rows, claim.delivery, webhook, answer.error)
        return
    kept = claim.rows.filter(state=DeliveryState.PENDING)
    kept.update(**SCHEDULE.after(tries, answer.retry_after_s), **RELEASED, error=answer.error)


def fail_killed() -> None:
    """End deliveries whose last attempt was killed with its process: its outcome is not known, and there is no other
    one."""
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, lease_until=None)
    for delivery in waiting.filter(SCHEDULE.is_used_up()):
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
    failing_for = FAILURES.note_failure(webhook)
    if failing_for is not None and webhook.enabled:
        raise_alert(
            failing_alert(webhook),
            f"The web-hook {webhook.name} has delivered nothing for {failing_for.total_seconds() / 3600:.0f} h. Its "
            "page says why. A delivery that fails for a day is given up.",
            camera=None,
            severity=Severity.WARNING,
        )
