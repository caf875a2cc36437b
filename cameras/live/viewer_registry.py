"""`ViewerRegistry`: who watches, over all web processes of the station.

In Redis, under the id of each process: renewed twice a second, gone five seconds after a process that was killed.
Blocking calls, which raise what redis raises; one of a process at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cameras import broker
from cameras.live.viewer import ViewerBody

TTL_S = 5
END_REQUEST_TTL_S = 10
Counts = Counter[str]
"""User -> viewers."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal brought: viewers of this process that somebody ended (id -> who), and how many there are."""

    ended: dict[str, str] = field(default_factory=dict)
    others: Counts = field(default_factory=Counter)


class ViewerRegistry:
    def __init__(self) -> None:
        self.process = uuid4().hex[:16]
        self._registered: set[str] = set()

    def register_counts(self, own: Counts) -> Counts:
        """Say how many each user has here, a new one among them, and hear how many there are elsewhere. What is said
        first counts first: of two that enter at once the second sees the first."""
        with broker.connection().pipeline(transaction=True) as pipe:
            pipe.set(broker.key("viewers", self.process), "[]", ex=TTL_S, nx=True)
            self._write_counts(pipe, own)
            pipe.hgetall(broker.key("viewing"))
            return self._count_others(pipe.execute()[-1])

    def renew_viewers(self, own: Counts, bodies: Iterable[ViewerBody]) -> Renewal:
        """Tell of this process's viewers; of none, that there are none."""
        told = list(bodies)
        ended = broker.key("ended", self.process)
        with broker.connection().pipeline(transaction=True) as pipe:
            if told:
                pipe.set(broker.key("viewers", self.process), json.dumps(told), ex=TTL_S)
            else:
                pipe.delete(broker.key("viewers", self.process))
            self._write_counts(pipe, own)
            pipe.smembers(ended)
            pipe.delete(ended)
            pipe.hgetall(broker.key("viewing"))
            *_, orders, _, counts = pipe.execute()
        return Renewal(dict(order.split(" ", 1) for order in orders), self._count_others(counts))

    def _write_counts(self, pipe: Any, own: Counts) -> None:
        name = broker.key("viewing")
        if gone := self._registered - own.keys():
            pipe.hdel(name, *(self._field(user) for user in gone))
        if own:
            pipe.hset(name, mapping={self._field(user): count for user, count in own.items()})
            pipe.expire(name, TTL_S)
        self._registered = set(own)

    def _field(self, user: str) -> str:
        return f"{self.process} {user}"

    def _count_others(self, counts: dict[str, str]) -> Counts:
        """Of the processes that live; those that were killed are forgotten here."""
        elsewhere = [name for name in counts if not name.startswith(f"{self.process} ")]
        if not elsewhere:
            return Counter()
        alive = viewers_by_process({name.split(" ", 1)[0] for name in elsewhere})
        if dead := [name for name in elsewhere if name.split(" ", 1)[0] not in alive]:
            broker.connection().hdel(broker.key("viewing"), *dead)
        found: Counts = Counter()
        for name in elsewhere:
            process, user = name.split(" ", 1)
            found[user] += int(counts[name]) if process in alive else 0
        return found


def viewers_by_process(processes: Iterable[str]) -> dict[str, list[ViewerBody]]:
    """Process -> its viewers, of those that live."""
    names = sorted(processes)
    found: Any = broker.connection().mget([broker.key("viewers", name) for name in names]) if names else []
    return {name: json.loads(text) for name, text in zip(names, found, strict=True) if text is not None}


def viewers_everywhere() -> dict[str, list[ViewerBody]]:
    """Web process -> its viewers. BrokerDown."""
    with broker.reachable() as server:
        names: Any = server.hkeys(broker.key("viewing"))
        return viewers_by_process({name.split(" ", 1)[0] for name in names})


def request_end(process: str, viewer: str, by: str) -> None:
    """Ask the web process that has this viewer to end it. BrokerDown."""
    with broker.reachable() as server, server.pipeline(transaction=True) as pipe:
        pipe.sadd(broker.key("ended", process), f"{viewer} {by}")
        pipe.expire(broker.key("ended", process), END_REQUEST_TTL_S)
        pipe.execute()
