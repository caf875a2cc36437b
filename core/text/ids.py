"""Ids as people read them: like a commit, by the beginning of its hash."""

from __future__ import annotations

SHORT = 13
"""The number of characters of an id that encode its creation time to the millisecond."""


def short_id(text: str) -> str:
    return text[:SHORT]
