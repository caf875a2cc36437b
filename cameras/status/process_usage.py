"""Processor and memory of each camera process: measured by its host every few seconds, read for the status page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import cast

import psutil
import redis

from cameras.status.messages import Usage
from core.broker import broker
from core.broker.broker import BrokerDown

# psutil walks through the whole address space of a process for its proportional size, so not each second.
MEASURE_EVERY_S = 5.0
# Three measurements may fail before a page shows none.
USAGE_TTL_S = 15


class ProcessUsage:
    """The usage of a host's camera processes. Used by one thread."""

    def __init__(self) -> None:
        self._processes: dict[str, psutil.Process] = {}
        self._measured_at = -MEASURE_EVERY_S

    def write_usage(self, server: redis.Redis, pids: Mapping[str, int]) -> None:
        """At most every MEASURE_EVERY_S. `pids` by slug. Raises redis.RedisError and OSError."""
        if time.monotonic() - self._measured_at < MEASURE_EVERY_S:
            return
        self._measured_at = time.monotonic()
        self._processes = {slug: one for slug, pid in pids.items() if (one := self._process(slug, pid))}
        for slug, process in self._processes.items():
            if usage := measure_process(process):
                server.set(broker.key("process", slug), json.dumps(usage), ex=USAGE_TTL_S)

    def _process(self, slug: str, pid: int) -> psutil.Process | None:
        """Reuse the object for the same process: psutil measures the processor since the last call on it."""
        known = self._processes.get(slug)
        if known and known.pid == pid:
            return known
        try:
            found = psutil.Process(pid)
            # The first call returns 0 and begins the interval that the next one measures.
            found.cpu_percent()
        except psutil.Error:
            return None
        return found


def measure_process(process: psutil.Process) -> Usage | None:
    """None for a process that has ended or may not be inspected."""
    try:
        with process.oneshot():
            # The resident size would count the libraries that all camera processes share once for each.
            memory = process.memory_full_info().pss
            return Usage(pid=process.pid, cpu_percent=process.cpu_percent(), memory_bytes=memory)
    except psutil.Error:
        return None


def read_usages(slugs: Iterable[str]) -> dict[str, Usage]:
    """Slug -> usage, of all hosts; only recent measurements, and empty while the broker is away."""
    listed = list(slugs)
    if not listed:
        return {}
    try:
        with broker.reachable() as server:
            found = cast("list[str | None]", server.mget([broker.key("process", slug) for slug in listed]))
    except BrokerDown:
        return {}
    return {slug: json.loads(text) for slug, text in zip(listed, found, strict=True) if text is not None}
