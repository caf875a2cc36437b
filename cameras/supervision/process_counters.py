"""What the camera processes of this host have done, over all their restarts and those of its worker, and the steps of
the recovery ladder. The totals are in two files, which are overwritten in turn: a write that a kill or a power cut
breaks off leaves the other file whole."""

from __future__ import annotations

import json
import logging
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from cameras.runtime.messages import StateReport
from cameras.spool.durable import Files
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import EventSink

log = logging.getLogger(__name__)


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


BLOCK_BYTES = 16 * 1024
"""The size of a file is a multiple of this: it rarely has to be allocated again."""


class CounterFiles:
    """Used by one thread. OSError of the disk."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._names = files, (f"{name}.0", f"{name}.1")
        self._number = 0
        """That of the newest write."""

    def read(self) -> dict[Count, int]:
        """The newest totals; none before the first write."""
        found = [content for name in self._names if (content := self._read(name)) is not None]
        self._number, totals = max(found, key=lambda one: one[0], default=(0, {}))
        return totals

    def write(self, totals: Mapping[Count, int]) -> None:
        """Store the totals durably, after `read`."""
        number = self._number + 1
        # The file that has the older ones: a write that failed is made again over the same file.
        name = self._names[number % 2]
        content = encode_counters(number, totals)
        size = self._files.size("", name) or 0
        if size < len(content):
            size = -(-len(content) // BLOCK_BYTES) * BLOCK_BYTES
            self._files.unlink("", name)
            self._files.preallocate("", name, size)
            self._files.sync("")
        self._files.overwrite("", name, content.ljust(size))
        self._number = number

    def _read(self, name: str) -> tuple[int, dict[Count, int]] | None:
        """None for a file that does not exist or is not whole."""
        try:
            return decode_counters(self._files.read("", name))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            log.warning("The file of counters %s is not whole and is left out.", name)
            return None


def encode_counters(number: int, totals: Mapping[Count, int]) -> bytes:
    text = json.dumps([number, [[*count, total] for count, total in sorted(totals.items())]]).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_counters(content: bytes) -> tuple[int, dict[Count, int]]:
    """The number of the write, and its totals. ValueError or TypeError if the content is not whole."""
    checksum, _, text = content.partition(b"\n")[0].partition(b" ")
    if int(checksum, 16) != zlib.crc32(text):
        raise ValueError("The checksum is wrong.")
    number, totals = json.loads(text)
    return int(number), {Count(name, camera, label): int(total) for name, camera, label, total in totals}


Source = Callable[[], Mapping[Count, int]]
"""What was counted since the worker started."""


class StoredCounters:
    """`totals` are the stored ones: whatever was shown is in a file, so no kill makes a counter smaller. Only its
    thread reads and writes the files; totals are replaced whole, so any thread may read them."""

    def __init__(
        self, host: str, open_files: Callable[[], Files], sources: Sequence[Source], events: EventSink
    ) -> None:
        self._host, self._open_files, self._sources, self._events = host, open_files, sources, events
        self._alert = f"metrics.counters:{host}"
        self._is_alerted: bool | None = None
        """None until the first attempt: the last run may have left its alert open."""
        self._files: CounterFiles | None = None
        self._before: Mapping[Count, int] = {}
        self._totals: Mapping[Count, int] | None = None

    def totals(self) -> Mapping[Count, int] | None:
        """None until they are read: a counter that begins at 0 and then jumps would be wrong."""
        return self._totals

    def store(self) -> None:
        """OSError: the totals stay as they are, and the next call stores what was counted meanwhile."""
        if self._files is None:
            files = CounterFiles(self._open_files(), f"counters-{self._host}")
            self._before = files.read()
            self._files = files
        totals = Counter(self._before)
        for source in self._sources:
            totals.update(source())
        if totals != self._totals:
            self._files.write(totals)
            self._totals = totals
        if self._is_alerted is not False:
            self._is_alerted = False
            self._events.resolve_alert(self._alert)

    def report_failure(self, error: Exception) -> None:
        # Once: the thread tries again every few seconds.
        if self._is_alerted:
            return
        self._is_alerted = True
        self._events.raise_alert(
            self._alert,
            f"The counters of {self._host} cannot be stored in the data folder ({error}), so their metrics stand "
            "still. Make room on its disk, or mount it writable. Cameras are not affected.",
            "warning",
            None,
        )
