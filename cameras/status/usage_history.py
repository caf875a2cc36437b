"""The processor and memory of a host's processes over the last hour, as a list in Redis.

Nothing is written to the database or to a disk: after a restart of the broker the history begins again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from typing import TypedDict, cast

import redis

from core.broker import broker
from core.broker.broker import BrokerDown

EVERY_S = 10.0
SAMPLES = 360
"""An hour."""
LIFE_S = 7200
CACHE_S = 5.0


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


class UsageReader:
    """Reads histories. They are cached for CACHE_S, since each open status page asks for them every two seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cached: dict[str, tuple[float, list[UsageSample]]] = {}

    def read(self, hosts: Iterable[str]) -> dict[str, list[UsageSample]]:
        """Host -> its samples, oldest first; empty while the broker is away."""
        return {host: self._read_host(host) for host in hosts}

    def _read_host(self, host: str) -> list[UsageSample]:
        with self._lock:
            read_at, known = self._cached.get(host, (-CACHE_S, []))
            if time.monotonic() - read_at < CACHE_S:
                return known
        try:
            with broker.reachable() as server:
                texts = cast("list[str]", server.lrange(broker.key("usage", host), 0, SAMPLES - 1))
        except BrokerDown:
            return []
        samples: list[UsageSample] = [json.loads(text) for text in reversed(texts)]
        with self._lock:
            self._cached[host] = (time.monotonic(), samples)
        return samples

    def clear_cache(self) -> None:
        with self._lock:
            self._cached.clear()


READER = UsageReader()
