"""Which of two readings of a camera's settings is valid."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def supersedes(read_at: datetime, known: datetime | None) -> bool:
    """Whether a reading of `read_at` supersedes the known one. An older reading never supersedes a newer one, unless
    the known one lies in the future because the clock was set back."""
    return known is None or known <= read_at or known > timezone.now()
