"""The still thread lives as long as its process."""

from __future__ import annotations

import threading
from typing import Any

from cameras.drivers.base import Identity
from cameras.runtime.still_queue import MOST_WAITING, StillQueue
from cameras.runtime.stills import Still
from tests.harness.far_ends.scripted_camera import exposure
from tests.harness.rows.stills import CLOCK
from tests.harness.waiting import PATIENCE_S, eventually


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

    queue = StillQueue(lambda _still: None, write, lambda _error: None)
    queue.put(storage, still("first"))
    queue.put(storage, still("second"))
    assert queue.drain(PATIENCE_S) is True
    assert written == ["first", "second"]


def test_stills_wait_behind_a_fetch_without_blocking_the_camera_loop() -> None:
    storage: Any = None
    written, arrived = [], threading.Event()

    def fetch(one: Still) -> None:
        assert one.exposure is not None
        one.exposure.fetch = None
        arrived.wait(PATIENCE_S)

    def lose_storage(error: Exception) -> None:
        raise error

    queue = StillQueue(fetch, lambda _storage, one: written.append(one.plan["id"]), lose_storage)
    queue.timeout_s = 0.0
    held = still("held")
    held.exposure = exposure(fetch=lambda _deadline: None)
    queue.put(storage, held)
    eventually(lambda: queue.is_fetching)
    names = [f"failed {number}" for number in range(2 * MOST_WAITING)]
    put_all(queue, names)
    assert (queue.unfetched, queue.is_stuck, queue.drain(0.0)) == (1, False, False)
    arrived.set()
    assert queue.drain(PATIENCE_S) is True
    assert written == ["held", *names]
    assert queue.unfetched == 0


def put_all(queue: StillQueue, names: list[str]) -> None:
    storage: Any = None
    for name in names:
        queue.put(storage, still(name))
