"""The token in an `Authorization` header. Django-free."""

from __future__ import annotations

import re

SCHEMES = frozenset({"token", "bearer"})
"""Django REST framework's word, and the one that most clients send. They mean the same."""

TOKEN = re.compile(r"skycam_[\w-]{43}")
"""A token of the API in a text, such as a line of a log."""


def token_of(header: str) -> str | None:
    """The token of `Token ...` or `Bearer ...`; None for another scheme, or no header."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in SCHEMES else None
