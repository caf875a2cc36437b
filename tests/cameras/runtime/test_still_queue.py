"""The still thread lives as long as its process."""

from __future__ import annotations

from typing import Any

from cameras.drivers.base import Identity
from cameras.runtime.still_queue import StillQueue
from cameras.runtime.stills import Still
from tests.harness.camera_processes.camera_loop import PATIENCE_S
from tests.harness.rows.stills import CLOCK


def still(capture: str) -> Still:
    plan: Any = {"id": capture}
    return Still(plan, Identity(), "simulated", CLOCK)


def test_an_error_after_a_record_is_written_does_not_end_the_still_thread() -> None:
    """Such as a machine that can start no thread for the thumbnails."""
    storage: Any = None
    written = []

    def write(_storage: Any, one: Still) -> None:
        written.append(one.plan["id"])
        raise RuntimeError("can't start new thread")

    queue = StillQueue(write, lambda _error: None)
    queue.put(storage, still("first"))
    queue.put(storage, still("second"))
    assert queue.drain(PATIENCE_S) is True
    assert written == ["first", "second"]
