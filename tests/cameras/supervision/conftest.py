"""A storage root with a camera, and the host whose Supervisor runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot
    from cameras.supervision.supervisor import Host
    from tests.harness.rows.archive import Archive


@pytest.fixture
def quick_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera processes start in hundredths of a second."""
    from tests.harness.supervision.processes import QUICK_SUBPROCESS

    monkeypatch.setattr("cameras.supervision.child.subprocess", QUICK_SUBPROCESS)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    from tests.harness.rows.archive import Archive

    return Archive(tmp_path)


@pytest.fixture
def host(tmp_path: Path, quick_processes: None) -> Iterator[Host]:
    from tests.harness.supervision.hosts import assembled

    with assembled(tmp_path) as host:
        yield host


@pytest.fixture
def slot(archive: Archive, host: Host) -> CameraSlot:
    """A camera with a running process."""
    from tests.harness.waiting import eventually

    host.database.sync()
    host.supervisor.tick()
    [slot] = host.slots.values()
    eventually(lambda: slot.child and slot.child.state.get("observed") == "ready")
    return slot
