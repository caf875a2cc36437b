"""One attempt of a delivery: sign the stored body, send it, record the outcome."""

from __future__ import annotations

import time
from importlib.metadata import version

from core import database_clock
from core.secrets import DecryptionFailed, decrypt_secret
from monitoring.models import Webhook
from monitoring.webhooks.claims import Claim
from monitoring.webhooks.client import Answer, WebhookClient
from monitoring.webhooks.outcomes import record_outcome
from monitoring.webhooks.receiver_url import InvalidUrl, ReceiverUrl
from monitoring.webhooks.signing import HEADER, sign_body

USER_AGENT = f"Skycam/{version('skycam')}"


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
            HEADER: sign_body(body, keys, int(time.time())),
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
