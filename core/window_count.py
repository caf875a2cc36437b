"""Counts what happens in a window of time: in the cache for all web processes, or in this process while the cache is
away."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from core.broker.broker import UNREACHABLE


def count_in_window(key: str, kept_s: int) -> int:
    """Count once more; the number so far. `key` names the window, and its count is kept for `kept_s` seconds."""
    try:
        return _count_in(cache, key, kept_s)
    except UNREACHABLE:
        # LocMemCache keeps its entries per process, by its name, so each instance counts on. Clients choose the keys:
        # MAX_ENTRIES limits the memory.
        return _count_in(LocMemCache("windows", {"OPTIONS": {"MAX_ENTRIES": 10_000}}), key, kept_s)


def _count_in(where: Any, key: str, kept_s: int) -> int:
    # incr() sets no expiry and raises ValueError for a missing key. add() changes nothing if the key exists.
    where.add(key, 0, kept_s)
    try:
        return int(where.incr(key))
    except ValueError:  # the key has expired meanwhile
        return 1
