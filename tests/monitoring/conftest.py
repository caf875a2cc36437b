"""A wall clock that stands still."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The wall clock shows the same time for the whole test, so that what is due later is due in exactly that time. It
    is ahead: a default of a column is still the real time, which must not be later."""
    now = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now
