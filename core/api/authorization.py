"""The token in an `Authorization` header. Django-free."""

from __future__ import annotations

SCHEMES = frozenset({"token", "bearer"})
"""Django REST framework's word, and the one that most clients send. They mean the same."""


def token_of(header: str) -> str | None:
    """The token of `Token ...` or `Bearer ...`; None for another scheme, or no header."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in SCHEMES else None
