"""Thermometers that measure quickly."""

from __future__ import annotations

import pytest

from monitoring.sensors.drivers import digitemp
from tests.harness.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def quick_thermometers(monkeypatch: pytest.MonkeyPatch) -> None:
    """They measure in a millisecond, and a busy machine may take longer for it."""
    monkeypatch.setattr(digitemp, "CONVERSION_MS", 1)
    monkeypatch.setattr(digitemp, "CALL_S", PATIENCE_S)
