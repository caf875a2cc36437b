"""A kind of sensor with a secret."""

from __future__ import annotations

import pytest

from monitoring.sensors.driver import SENSORS
from tests.harness.far_ends.login_sensor import LOGIN_KIND


@pytest.fixture
def login_kind(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(SENSORS, "login", LOGIN_KIND)
    return "login"
