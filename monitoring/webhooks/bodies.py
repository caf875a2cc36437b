"""Web-hooks, deliveries and attempts as JSON, for API and command line."""

from __future__ import annotations

from typing import TypedDict

from core.times.timestamps import stamp, stamp_or_none
from monitoring.models import DeliveryState, Webhook, WebhookAttempt, WebhookDelivery
from monitoring.webhooks.selectors import WebhookStatus, status_of

API = "/api/v1/webhooks/"
INSECURE = "The address begins with http: the events, and the login of the address, cross the network in clear text."


class AttemptBody(TypedDict):
    at: str
    duration_s: float | None
    status: int | None
    answer: str
    error: str


class DeliveryBody(TypedDict):
    id: str
    webhook: str
    event: str
    kind: str
    state: str
    tries: int
    sending: bool
    next: str | None
    error: str
    replayed_by: str
    created: str
    ended: str | None


class DeliveryDetailBody(DeliveryBody):
    body: str
    attempts: list[AttemptBody]


class WebhookBody(TypedDict):
    id: str
    name: str
    url: str
    kinds: list[str]
    enabled: bool
    disabled_reason: str
    warning: str
    failing_since: str | None
    old_secret_until: str | None
    pending: int
    last: DeliveryBody | None
    created_by: str
    created: str


class NewWebhookBody(WebhookBody):
    secret: str


class SecretBody(TypedDict):
    secret: str
    old_secret_until: str


def webhook_url(webhook: Webhook) -> str:
    return f"{API}{webhook.pk}/"


def warning_of(webhook: Webhook) -> str:
    return INSECURE if webhook.url_shown.startswith("http:") else ""


def webhook_body(status: WebhookStatus) -> WebhookBody:
    """Without its secrets."""
    webhook = status.webhook
    return WebhookBody(
        id=str(webhook.pk),
        name=webhook.name,
        url=webhook.url_shown,
        kinds=webhook.kinds,
        enabled=webhook.enabled,
        disabled_reason=webhook.disabled_reason,
        warning=warning_of(webhook),
        failing_since=stamp_or_none(webhook.failing_since),
        old_secret_until=stamp_or_none(webhook.old_secret_until),
        pending=status.pending,
        last=delivery_body(status.last) if status.last else None,
        created_by=webhook.created_by,
        created=stamp(webhook.created_at),
    )


def new_webhook_body(webhook: Webhook, secret: str) -> NewWebhookBody:
    """With the secret, which is shown only now."""
    return NewWebhookBody(**webhook_body(status_of(webhook)), secret=secret)


def secret_body(webhook: Webhook, secret: str) -> SecretBody:
    return SecretBody(secret=secret, old_secret_until=stamp_or_none(webhook.old_secret_until) or "")


def delivery_body(delivery: WebhookDelivery) -> DeliveryBody:
    pending = delivery.state == DeliveryState.PENDING
    return DeliveryBody(
        id=str(delivery.pk),
        webhook=str(delivery.webhook_id),
        event=str(delivery.event),
        kind=delivery.kind,
        state=delivery.state,
        tries=delivery.tries,
        sending=delivery.lease_until is not None,
        next=stamp(delivery.not_before) if pending else None,
        error=delivery.error,
        replayed_by=delivery.replayed_by,
        created=stamp(delivery.created_at),
        ended=stamp_or_none(delivery.ended_at),
    )


def delivery_detail_body(delivery: WebhookDelivery) -> DeliveryDetailBody:
    attempts = [attempt_body(attempt) for attempt in delivery.attempts.all()]
    return DeliveryDetailBody(
        **delivery_body(delivery), body=bytes(delivery.body).decode(errors="replace"), attempts=attempts
    )


def attempt_body(attempt: WebhookAttempt) -> AttemptBody:
    return AttemptBody(
        at=stamp(attempt.at),
        duration_s=attempt.duration_s,
        status=attempt.status,
        answer=attempt.answer,
        error=attempt.error,
    )
