"""The processor and memory of a host's processes over the last hour, as a list in Redis.

Nothing is written to the database or to a disk: after a restart of the broker the history begins again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import redis

from core.broker import broker
from core.broker.broker import BrokerDown

EVERY_S = 10.0
SAMPLES = 360
"""An hour."""
LIFE_S = 7200
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
    pipe.expire(name, LIFE_S)
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
        return {host: since(known[host], found[host]) for host in hosts}

    def clear_cache(self) -> None:
        self._known.clear()


def since(known: History, texts: list[str]) -> tuple[History, list[str]]:
    if known.newest_text in texts:
        return known, texts[: texts.index(known.newest_text)]
    return History(), texts


def read_newest(server: redis.Redis, hosts: list[str], number: int) -> list[list[str]]:
    """The samples of each host, newest first, in one round trip."""
    pipe = server.pipeline(transaction=False)
    for host in hosts:
        pipe.lrange(broker.key("usage", host), 0, number - 1)
    return pipe.execute()


READER = UsageReader()
