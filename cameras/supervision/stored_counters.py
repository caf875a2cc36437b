"""`StoredCounters`: the counters of a host over the restarts of its worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from cameras.spool.durable import Files
from cameras.supervision.counter_files import CounterFiles
from cameras.supervision.ports import EventSink
from cameras.supervision.process_counters import Count

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
