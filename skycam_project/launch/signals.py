"""Restarts of this host's parts for the alert rules."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from django.conf import settings

from monitoring.alert_rules.rule import Signal
from skycam_project.launch.control import part_rows
from skycam_project.launch.errors import LaunchError

WITHIN_S = 3600.0
_counts: dict[str, deque[tuple[float, int]]] = {}
"""Part -> its counts of restarts within the last hour, with their times."""


def restarts(host: str) -> Iterator[Signal]:
    """How often each part was restarted in the last hour, as far as this process has seen it."""
    try:
        rows = part_rows(settings.STATION)
    except LaunchError:
        # Started without a launcher, or it is away: what was counted is not known to be over.
        yield from (Signal("part_restarts", f"{host}:{name}", None, "times") for name in _counts)
        return
    now = time.monotonic()
    for row in rows:
        counts = _counts.setdefault(row["name"], deque())
        if not counts or counts[-1][1] != row["restarts"]:
            counts.append((now, row["restarts"]))
        while len(counts) > 1 and now - counts[1][0] > WITHIN_S:
            counts.popleft()
        yield Signal("part_restarts", f"{host}:{row['name']}", float(row["restarts"] - counts[0][1]), "times")
