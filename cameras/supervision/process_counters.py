"""What the camera processes of this host have done since its worker started, over all their restarts, and the steps of
the recovery ladder."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable
from typing import Any, NamedTuple

from cameras.runtime.messages import StateReport
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild


class Count(NamedTuple):
    """What is counted, of which camera; `label` is the quality of encoded pictures, or the step of the ladder."""

    name: str
    camera: str = ""
    label: str = ""


class ProcessCounters:
    """Adds up the numbers of the state reports, each of which starts again at 0 with its process, clip or recording.
    What a process did after its last report, at most a second before its end, is not counted. The readers of all
    processes write; any thread may read: `_lock` guards both mappings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[Count] = Counter()
        self._last: dict[Count, tuple[Hashable, int]] = {}

    def count_report(self, slot: CameraSlot, child: CameraChild, report: StateReport) -> None:
        """Add what is new in a report of `child`."""
        slug, process = slot.desired.slug, child.identity
        with self._lock:
            self._count(Count("frames", slug), process, report["frames"])
            if live := report.get("live"):
                self._count_live(slug, process, live)
            if recorder := report.get("recorder"):
                self._count(Count("lost", slug), (process, recorder["since"]), recorder["lost_frames"])
                self._count(Count("holes", slug), (process, recorder["since"]), recorder["holes"])
                self._count(Count("bytes", slug), (process, recorder["clip"]), recorder["bytes"])

    def count_step(self, camera: str, step: str) -> None:
        """Add a step of the recovery ladder."""
        with self._lock:
            self._totals[Count("step", camera, step)] += 1

    def totals(self) -> dict[Count, int]:
        with self._lock:
            return dict(self._totals)

    def _count_live(self, slug: str, process: Hashable, live: Any) -> None:
        self._count(Count("yielded", slug), process, live["yielded"])
        for quality, number in live["encoded"].items():
            self._count(Count("encoded", slug, quality), process, number)

    def _count(self, count: Count, counted_by: Hashable, number: int) -> None:
        """`counted_by` is whatever began at 0: another one starts again."""
        last_by, last = self._last.get(count, (None, 0))
        before = last if last_by == counted_by and number >= last else 0
        self._last[count] = (counted_by, number)
        self._totals[count] += number - before
