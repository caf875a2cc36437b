"""Restarts of this host's parts for the alert rules."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings

from monitoring.alert_rules.rule import Signal
from skycam_project.launch.control import part_rows
from skycam_project.launch.errors import LaunchError

WITHIN_S = 3600.0


class RestartCounts:
    """How often each part was restarted in the last hour. What was before the start of this process is not known: until
    an hour later the counts may be greater."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began_at = clock, clock()
        self._counts: dict[str, deque[tuple[float, int]]] = {}
        """Part -> its counts of restarts within the last hour, with their times."""

    def signals(self, host: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Signal]:
        now = self._clock()
        is_at_least = now - self._began_at < WITHIN_S
        for row in rows:
            number = self._restarts(row["name"], row["restarts"], now)
            yield Signal("part_restarts", f"{host}:{row['name']}", float(number), "times", None, is_at_least)

    def unknown(self, host: str) -> Iterator[Signal]:
        return (Signal("part_restarts", f"{host}:{name}", None, "times") for name in self._counts)

    def _restarts(self, part: str, count: int, now: float) -> int:
        counts = self._counts.setdefault(part, deque())
        if counts and count < counts[-1][1]:
            counts.clear()  # another launcher counts from 0
        if not counts or counts[-1][1] != count:
            counts.append((now, count))
        while len(counts) > 1 and now - counts[1][0] > WITHIN_S:
            counts.popleft()
        return count - counts[0][1]


@functools.cache
def _restart_counts() -> RestartCounts:
    return RestartCounts()


def restarts(host: str) -> Iterator[Signal]:
    try:
        rows = part_rows(settings.STATION)
    except LaunchError:
        # Started without a launcher, or it is away: what was counted is not known to be over.
        return _restart_counts().unknown(host)
    return _restart_counts().signals(host, rows)
