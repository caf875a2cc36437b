"""The header Idempotency-Key, and the fingerprint by which a repetition is recognised."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

HEADER = "Idempotency-Key"
MAX_LENGTH = 120
CHARACTERS = rf"[\x21-\x7e]{{1,{MAX_LENGTH}}}"
KEY_PATTERN = f"^{CHARACTERS}$"
"""As JSON schema writes it."""


class BadKey(ValueError):
    """The header is not a key."""

    def __init__(self) -> None:
        super().__init__(f"A key has 1 to {MAX_LENGTH} printable ASCII characters, without spaces.")


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What identifies a request: whose it is, its key, and what it asks for."""

    user: Any
    """The user's primary key."""
    key: str
    method: str
    route: str
    fingerprint: str


def key_of(headers: Mapping[str, str]) -> str | None:
    """None without the header. BadKey."""
    key = headers.get(HEADER)
    # Not KEY_PATTERN: Python's `$` accepts a line break at the end.
    if key is not None and not re.fullmatch(CHARACTERS, key):
        raise BadKey
    return key


def keyed_request(request: Request, key: str) -> KeyedRequest:
    """ParseError for a body that is no JSON."""
    match = request.resolver_match
    return KeyedRequest(
        user=request.user.pk,
        key=key,
        method=str(request.method),
        # Not the path: it has any length, and may contain NUL, which PostgreSQL refuses.
        route=match.route[:200] if match else "",
        fingerprint=fingerprint(str(request.method), request.path, request.META["QUERY_STRING"], request.data),
    )


def fingerprint(method: str, path: str, query: str, body: Any) -> str:
    """64 hexadecimal digits. The order of the keys in the body and its white space make no difference."""
    text = json.dumps([method, path, query, body], sort_keys=True, separators=(",", ":"))
    # With the station's key: a body may contain a camera's password, which a plain hash would let someone guess.
    return salted_hmac("core.idempotency", text, algorithm="sha256").hexdigest()
