"""One attempt of a delivery: sign the stored body, send it, record the outcome."""

from __future__ import annotations

import time
from importlib.metadata import version

from core.secrets import DecryptionFailed
from monitoring.webhooks.claims import Claim
from monitoring.webhooks.client import Answer, WebhookClient
from monitoring.webhooks.encrypted_columns import signing_keys, url_of
from monitoring.webhooks.outcomes import record_outcome
from monitoring.webhooks.receiver_url import InvalidUrl
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
