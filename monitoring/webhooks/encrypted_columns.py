"""The encrypted columns of a web-hook: its address, and the keys of its signatures."""

from __future__ import annotations

from core import database_clock
from core.secrets import decrypt_secret
from monitoring.models import Webhook
from monitoring.webhooks.receiver_url import ReceiverUrl


def url_of(webhook: Webhook) -> ReceiverUrl:
    """The complete address. DecryptionFailed."""
    return ReceiverUrl.parse(decrypt_secret(webhook, "url_encrypted", "url"))


def signing_keys(webhook: Webhook) -> list[str]:
    """The key, and for a day after a rotation also the one before. DecryptionFailed."""
    columns = ["secret_encrypted"]
    if webhook.old_secret_until is not None and webhook.old_secret_until > database_clock.estimate():
        columns.append("old_secret_encrypted")
    return [decrypt_secret(webhook, column, "key") for column in columns]
