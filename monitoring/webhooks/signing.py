"""The signature by which a receiver knows that a request comes from this station, and when. Django-free."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

HEADER = "Skycam-Signature"


def new_secret() -> str:
    """43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def sign_body(body: bytes, keys: Iterable[str], at: int) -> str:
    """`t=<at>,v1=<hex>`, with a `v1` for each of the keys; `at` is in seconds since 1970."""
    content = f"{at}.".encode() + body
    signatures = (hmac.new(key.encode(), content, hashlib.sha256).hexdigest() for key in keys)
    return ",".join([f"t={at}", *(f"v1={signature}" for signature in signatures)])
