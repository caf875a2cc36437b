"""The signal of a session that waits for a closed gate."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.status.messages import Status
from cameras.status.status import write_status
from monitoring.alert_rules.host_signals import WaitingSessions
from tests.harness.rows.gates import CLOSED, OPEN, WET, status_with


def signal_of(valkey: Any, status: Status) -> tuple[str, float | None, str]:
    write_status(valkey, status)
    [signal] = WaitingSessions().signals("main")
    return signal.subject, signal.value, signal.detail


def test_it_is_on_while_a_closed_gate_keeps_a_session_from_its_captures(valkey: Any, camera: Camera) -> None:
    assert signal_of(valkey, status_with(OPEN, CLOSED, session="one")) == ("sky", 1.0, WET)


@pytest.mark.parametrize(
    "status",
    [
        status_with(OPEN, session="one"),
        status_with(CLOSED),
        status_with(CLOSED, session="one", state="paused"),
    ],
    ids=["open", "no session", "paused by a user"],
)
def test_it_is_off_otherwise(valkey: Any, camera: Camera, status: Status) -> None:
    assert signal_of(valkey, status) == ("sky", 0.0, "")


def test_it_is_unknown_of_a_camera_whose_host_is_silent(valkey: Any, camera: Camera) -> None:
    [signal] = WaitingSessions().signals("main")
    assert signal.value is None
