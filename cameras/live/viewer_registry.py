"""`ViewerRegistry`: who watches, over all web processes of the station.

Each process writes its viewers to Redis under its own id, twice a second; they expire five seconds after a kill.
Calls block and raise what redis raises. A process makes one call at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cameras.live.viewer import ViewerBody
from core.broker import broker

TTL_S = 5
END_REQUEST_TTL_S = 10
Counts = Counter[str]
"""User -> number of viewers."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal returns: viewers of this process that were ended (id -> by whom), and the counts elsewhere."""

    ended: dict[str, str] = field(default_factory=dict)
    others: Counts = field(default_factory=Counter)


class ViewerRegistry:
    def __init__(self) -> None:
        self.process = uuid4().hex[:16]
        self._registered: set[str] = set()

    def register_counts(self, own: Counts) -> Counts:
        """Write how many viewers each user has here, a new one included; return how many they have elsewhere.

        One transaction: of two processes that register at once, the second sees the first."""
        with broker.connection().pipeline(transaction=True) as pipe:
            # Others count only processes with this key. `nx` keeps the list of one that has viewers already.
            pipe.set(broker.key("viewers", self.process), "[]", ex=TTL_S, nx=True)
            self._write_counts(pipe, own)
            pipe.hgetall(broker.key("viewing"))
            return self._count_others(pipe.execute()[-1])

    def renew_viewers(self, own: Counts, bodies: Iterable[ViewerBody]) -> Renewal:
        """Write this process's viewers, or remove its key when there are none."""
        viewers = list(bodies)
        ended = broker.key("ended", self.process)
        with broker.connection().pipeline(transaction=True) as pipe:
            if viewers:
                pipe.set(broker.key("viewers", self.process), json.dumps(viewers), ex=TTL_S)
            else:
                pipe.delete(broker.key("viewers", self.process))
            self._write_counts(pipe, own)
            # Read and deleted in one transaction, so that no request is deleted unread.
            pipe.smembers(ended)
            pipe.delete(ended)
            pipe.hgetall(broker.key("viewing"))
            *_, requests, _, counts = pipe.execute()
        return Renewal(dict(request.split(" ", 1) for request in requests), self._count_others(counts))

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
        """Counts of the living processes. Counts of killed ones are deleted."""
        elsewhere = [name for name in counts if not name.startswith(f"{self.process} ")]
        if not elsewhere:
            return Counter()
        alive = viewers_by_process({name.split(" ", 1)[0] for name in elsewhere})
        if dead := [name for name in elsewhere if name.split(" ", 1)[0] not in alive]:
            # They would not expire: each living process renews the life of the whole hash.
            broker.connection().hdel(broker.key("viewing"), *dead)
        found: Counts = Counter()
        for name in elsewhere:
            process, user = name.split(" ", 1)
            found[user] += int(counts[name]) if process in alive else 0
        return found


def viewers_by_process(processes: Iterable[str]) -> dict[str, list[ViewerBody]]:
    """Process -> its viewers, for the processes that are alive."""
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
