"""Problems of the parts on this machine, for `monitoring.health.HEALTH`, and their restarts, for the alert rules."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings

from core import restored_copy
from core.findings import Finding
from monitoring.alert_rules.rule import Signal
from skycam_project.launch.control import part_rows
from skycam_project.launch.preflight import LaunchError
from skycam_project.launch.restart_journal import alert_key


def part_problems() -> list[Finding]:
    """A finding for each part in a crash loop, or for a restored copy, which lacks most parts. Empty where no launcher
    answers: then this process is not a part.

    A part that is tried is still in its crash loop: else a jobs part that fails each minute would tell the dead-man's
    switch each minute that all is well."""
    host = settings.STATION.host
    if (copied := restored_copy.copied_from(settings.STATION.data)) is not None:
        return [Finding(restored_copy.pause_sentence(copied), host=host)]
    try:
        # A launcher of an older version does not send it.
        parts = [part for part in part_rows(settings.STATION) if part.get("in_crash_loop")]
    except LaunchError:
        return []
    return [
        Finding(
            f"{part['name']} is in a crash loop on {host}: {part['reason']}. Read the log, then restart it with "
            f"`skycam restart {part['name']}`.",
            host=host,
            alert=alert_key(host, part["name"]),
        )
        for part in parts
    ]


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
