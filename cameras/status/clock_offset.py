"""The clock of this machine against the broker's, which all machines of a station share."""

from __future__ import annotations

import time

import redis

from core.broker import broker


def clock_ahead_s(server: redis.Redis) -> float:
    """How far this machine's clock is ahead of the broker's, in seconds; negative when it is behind. It is right to
    half the time of the answer. Raises redis.RedisError and OSError."""
    before = time.time()
    there = broker.time_ms(server) / 1000
    return (before + time.time()) / 2 - there
