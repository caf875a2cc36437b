"""Camera processes that get little of a processor, or none, with the real counters of the kernel; the test runs the
Supervisor's threads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.supervisor import Host
from core.events.models import Event
from tests.harness.processes.busy_core import busy_core
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import assembled
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EXITS = 2
OPEN_S = 3.0
"""A process that shares its core with 16 others takes several times as long to start."""


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """With one camera. Its process loads its modules itself, has OPEN_S for its start, and EXITS tries."""
    (tmp_path / "root").mkdir()
    Archive(tmp_path / "root")
    monkeypatch.setattr("cameras.supervision.recovery_policy.OPEN_S", OPEN_S)
    supervision = settings.STATION.supervision.model_copy(update={"crash_loop_exits": EXITS})
    settings.STATION = settings.STATION.model_copy(update={"supervision": supervision})
    with assembled(tmp_path) as host:
        host.database.sync()
        yield host


def started_on(host: Host, core: int) -> CameraSlot:
    host.supervisor.tick()
    [slot] = host.slots.values()
    assert slot.child is not None
    os.sched_setaffinity(slot.child.process.pid, {core})
    return slot


def tick_until(host: Host, condition: Any) -> None:
    def tick() -> Any:
        host.supervisor.tick()
        return condition()

    eventually(tick)


def steps(host: Host) -> list[str]:
    host.database.sync()
    return [event.data["step"] for event in Event.objects.filter(kind="camera.ladder").order_by("at", "id")]


def test_a_camera_that_starts_on_a_busy_core_is_left_alone(host: Host) -> None:
    with busy_core() as core:
        slot = started_on(host, core)
        tick_until(host, lambda: slot.observed[0] == "ready")
    assert steps(host) == []
    assert slot.restarts.reasons == []


def stop_process(slot: CameraSlot) -> bool:
    """Stop it, as if it hung. Whether its camera is quarantined."""
    if slot.child is not None and not slot.child.killed:
        os.kill(slot.child.process.pid, signal.SIGSTOP)
    return bool(slot.quarantined)


def test_a_camera_that_hangs_beside_a_busy_core_is_killed_and_quarantined(host: Host) -> None:
    with busy_core() as core:
        slot = started_on(host, core)
        tick_until(host, lambda: stop_process(slot))
    assert steps(host)[:3] == ["abort", "reconnect", "kill"]
    assert steps(host).count("kill") == EXITS
    assert steps(host)[-1] == "quarantine"
