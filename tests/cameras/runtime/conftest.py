"""What tests of the camera loop share."""

from __future__ import annotations

import pytest

from tests.harness.waiting import PATIENCE_S


@pytest.fixture
def all_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record waits for the statistics of its capture, however busy the machine is."""
    monkeypatch.setattr("cameras.runtime.stills.MEASURED_WITHIN_S", PATIENCE_S)
