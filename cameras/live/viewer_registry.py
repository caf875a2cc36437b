"""`ViewerRegistry`: who watches, over all web processes of the station; `ViewerLimits`: how many may, all together
and of one user. Each process writes its viewers to Redis under its own id, twice a second; they expire five seconds
after a kill. Calls of the registry block and raise what redis raises. A process makes one call at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cameras.live.viewer import Viewer, ViewerBody
from cameras.sockets.subscription import CONNECTION_ERRORS
from core.broker import broker

log = logging.getLogger(__name__)

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


REFUSED_FOR_S = 0.5
LIVE_VIEW_OFF = (
    "Live view is switched off on this station; recording and captures go on. A manager switches it on with "
    "`live_streaming_config.enabled: true`, under Settings."
)


class LiveViewRefused(Exception):
    """No live view can start: `reason` is disabled (switched off) or capacity. The text says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ViewerLimits:
    """The viewers of this web process, counted together with those of the other processes.

    A refusal is repeated for `refused_for_s` without asking Redis, so that clients which retry all the time cost
    nothing.
    """

    def __init__(self, max_viewers: int, max_per_user: int, refused_for_s: float = REFUSED_FOR_S) -> None:
        self.max_viewers, self.max_per_user, self._refused_for_s = max_viewers, max_per_user, refused_for_s
        self.viewers: dict[str, Viewer] = {}
        self.others: Counts = Counter()
        self._registry = ViewerRegistry()
        self._lock = asyncio.Lock()  # the registry allows one call at a time
        self._refused: dict[str, tuple[float, LiveViewRefused]] = {}

    @property
    def own(self) -> Counts:
        return Counter(viewer.user for viewer in self.viewers.values())

    async def admit_viewer(self, viewer: Viewer) -> None:
        """Count one more viewer. LiveViewRefused at a limit. While the broker is away only the viewers here count."""
        refused_at, refusal = self._refused.get(viewer.user, (0.0, None))
        if refusal and time.monotonic() - refused_at < self._refused_for_s:
            raise refusal
        async with self._lock:
            # Counted first, checked then: of two web processes that do this at once, at least one sees both viewers.
            await self._count_viewer(viewer)
            if refusal := self._refusal(viewer.user):
                self.viewers.pop(viewer.id, None)
                # At once: until the next renewal the other web processes would count a viewer that does not exist.
                await self._register_counts()
                # Without those that have expired, or it would grow by each user who was ever refused.
                self._refused = {**self._recently_refused(), viewer.user: (time.monotonic(), refusal)}
                raise refusal

    async def _count_viewer(self, viewer: Viewer) -> None:
        self.viewers[viewer.id] = viewer
        try:
            self.others = await self._register_counts()
        except asyncio.CancelledError:  # the client left before it was admitted
            self.viewers.pop(viewer.id, None)
            raise

    def _recently_refused(self) -> dict[str, tuple[float, LiveViewRefused]]:
        now = time.monotonic()
        return {user: entry for user, entry in self._refused.items() if now - entry[0] < self._refused_for_s}

    async def _register_counts(self) -> Counts:
        try:
            return await asyncio.to_thread(self._registry.register_counts, self.own)
        except CONNECTION_ERRORS as error:
            log.warning("Viewers elsewhere could not be counted: %s", type(error).__name__)
            return Counter()

    def _refusal(self, user: str) -> LiveViewRefused | None:
        counted = self.own + self.others
        if counted.total() > self.max_viewers:
            return LiveViewRefused(
                "capacity", f"At most {self.max_viewers} live views can run at a time, and all are in use. Try later."
            )
        if counted[user] > self.max_per_user:
            return LiveViewRefused(
                "capacity",
                f"One user may have {self.max_per_user} live views at a time, and you have reached that. Close one, "
                "on this device or another. The page Viewers lists yours.",
            )
        return None

    async def renew_viewers(self) -> Renewal:
        """Write the viewers here and read the counts elsewhere. Raises what redis raises."""
        async with self._lock:
            for viewer in self.viewers.values():
                viewer.sample_rates()
            bodies = [viewer.body() for viewer in self.viewers.values()]
            found = await asyncio.to_thread(self._registry.renew_viewers, self.own, bodies)
            self.others = found.others
            return found
