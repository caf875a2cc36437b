"""Secrets in the database: encrypted with the station's key (`address_secret` in the configuration), which is the same
on all its hosts. A stolen database alone reveals none."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class DecryptionFailed(ValueError):
    """The secret cannot be decrypted, or not for this use. The message says what to do."""


def encrypt_secret(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def decrypt_secret(encrypted: str) -> str:
    """The text that `encrypt_secret` was given. DecryptionFailed for damaged text or another key."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().decrypt(encrypted).decode()
    except (InvalidToken, ValueError):
        raise DecryptionFailed(
            "The stored secret cannot be read: the station's key for it is lost or has changed. "
            "Put the key back, or write the secret itself again."
        ) from None


def _fernet() -> Fernet:
    from cryptography.fernet import Fernet

    # Fernet needs exactly 32 bytes. The secret is at least 32 characters long and usually random, so a plain hash
    # suffices.
    key = hashlib.sha256(settings.STATION.address_secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
