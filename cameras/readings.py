"""Which of two readings of a camera's settings counts."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def supersedes(read_at: datetime, known: datetime | None) -> bool:
    """Whether a reading of `read_at` supersedes the one that is known: a newer one never gives way to an older one, but
    one of the future, from before the clock was set back, does."""
    return known is None or known <= read_at or known > timezone.now()
