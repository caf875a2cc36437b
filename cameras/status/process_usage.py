"""Processor and memory of the processes of a host: of each camera process now, and of all parts over the last hour.
Both are in Redis. Nothing is written to the database or to a disk: after a restart of the broker the history begins
again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict, cast

import psutil
import redis

from cameras.status.messages import Usage
from core.broker import broker
from core.broker.broker import BrokerDown

# psutil walks through the whole address space of a process for its proportional size, so not each second.
MEASURE_EVERY_S = 5.0
# Three measurements may fail before a page shows none.
USAGE_TTL_S = 15


class ProcessUsageWriter:
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


SAMPLE_EVERY_S = 10.0
SAMPLES = 360
"""An hour."""
HISTORY_LIFE_S = 7200
HOUR_S, MINUTE_S = 3600.0, 60.0
LONGEST_STEP_S = 30.0
"""A longer time between two samples is a gap: two were missed."""
FEW = 3
"""Samples that an open page reads, of which at most one is new."""


class ProcessUsage(TypedDict):
    """`cpu_percent` of one processor since the sample before; null in the first one."""

    cpu_percent: float | None
    memory_bytes: int


class UsageSample(TypedDict):
    """`at` is in seconds since 1970; `usage` by the name of a part, or `camera:<slug>`."""

    at: float
    usage: dict[str, ProcessUsage]


def append_sample(server: redis.Redis, host: str, sample: UsageSample) -> None:
    """Raises redis.RedisError and OSError."""
    name = broker.key("usage", host)
    pipe = server.pipeline(transaction=True)
    pipe.lpush(name, json.dumps(sample))
    pipe.ltrim(name, 0, SAMPLES - 1)
    pipe.expire(name, HISTORY_LIFE_S)
    pipe.execute()


class Range(NamedTuple):
    """The least and the most of a value in one minute, from the first sample `began` to the last one `at`."""

    began: float
    at: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class History:
    """The last hour of a host's processes, by the name of a part or `camera:<slug>`, oldest first: `cpu` in per cent,
    `memory` in MB."""

    newest: UsageSample | None = None
    newest_text: str = ""
    """As it is in Redis."""
    cpu: Mapping[str, Sequence[Range]] = field(default_factory=dict)
    memory: Mapping[str, Sequence[Range]] = field(default_factory=dict)

    def with_samples(self, texts: Sequence[str]) -> History:
        """Newer samples, newest first as in Redis."""
        if not texts:
            return self
        samples: list[UsageSample] = [json.loads(text) for text in reversed(texts)]
        since = samples[-1]["at"] - HOUR_S
        cpu, memory = newer_than(since, self.cpu), newer_than(since, self.memory)
        for sample in samples:
            for name, usage in sample["usage"].items():
                if usage["cpu_percent"] is not None:
                    add_value(cpu.setdefault(name, []), sample["at"], usage["cpu_percent"])
                add_value(memory.setdefault(name, []), sample["at"], usage["memory_bytes"] / 1e6)
        return History(samples[-1], texts[0], cpu, memory)


def newer_than(since: float, ranges: Mapping[str, Sequence[Range]]) -> dict[str, list[Range]]:
    kept = {name: [one for one in listed if one.at >= since] for name, listed in ranges.items()}
    return {name: listed for name, listed in kept.items() if listed}


def add_value(ranges: list[Range], at: float, value: float) -> None:
    if ranges:
        began, last, least, most = ranges[-1]
        if began // MINUTE_S == at // MINUTE_S and 0 <= at - last <= LONGEST_STEP_S:
            ranges[-1] = Range(began, at, min(least, value), max(most, value))
            return
    ranges.append(Range(at, at, value, value))


class UsageReader:
    """Reads histories. It keeps them and parses new samples only: an hour of a host has 360, and an open status page
    asks every two seconds."""

    def __init__(self) -> None:
        # Threads that read at the same time replace a history by one that is as new.
        self._known: dict[str, History] = {}

    def read(self, hosts: Iterable[str]) -> dict[str, History]:
        """Host -> its history; empty while the broker is away."""
        listed = list(hosts)
        try:
            with broker.reachable() as server:
                texts = self._new_texts(server, listed)
        except BrokerDown:
            return dict.fromkeys(listed, History())
        for host, (known, found) in texts.items():
            self._known[host] = known.with_samples(found)
        return {host: self._known[host] for host in listed}

    def _new_texts(self, server: redis.Redis, hosts: list[str]) -> dict[str, tuple[History, list[str]]]:
        """Host -> its known history, and the samples that are newer."""
        known = {host: self._known.get(host, History()) for host in hosts}
        found = dict(zip(hosts, read_newest(server, hosts, FEW), strict=True))
        # After a pause, and after a restart of the broker, which begins the list again.
        far = [host for host in hosts if known[host].newest_text not in found[host]]
        found |= zip(far, read_newest(server, far, SAMPLES), strict=True)
        return {host: history_since(known[host], found[host]) for host in hosts}

    def clear_cache(self) -> None:
        self._known.clear()


def history_since(known: History, texts: list[str]) -> tuple[History, list[str]]:
    if known.newest_text in texts:
        return known, texts[: texts.index(known.newest_text)]
    return History(), texts


def read_newest(server: redis.Redis, hosts: list[str], number: int) -> list[list[str]]:
    """The samples of each host, newest first, in one round trip."""
    pipe = server.pipeline(transaction=False)
    for host in hosts:
        pipe.lrange(broker.key("usage", host), 0, number - 1)
    return pipe.execute()


HISTORY_READER = UsageReader()
