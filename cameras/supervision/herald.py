"""The Supervisor's broker side, on a thread of its own: heartbeat, status of each camera, who wants live pictures."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import redis

from cameras import broker
from cameras import status as statuses
from cameras.live.presets import PRESETS
from cameras.runtime.sessions import iso

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
WANT_S = 0.2
TELL_S = 1.0
HEARTBEAT_LIFE_S = 5
FROM_STATE = ("session", "last_frame", "last_capture", "temperature_celsius", "battery_percent", "card_free_bytes")
FROM_IDENTITY = ("vendor", "model", "serial", "firmware")
STUCK_S = 5.0
"""A Supervisor whose loop stood still this long gives no heartbeat."""


class Herald:
    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.away_since: float | None = None
        self._told_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopping.wait(WANT_S):
            self._turn(self._tell)
        self._turn(self._take_leave)

    def _turn(self, work: Any) -> None:
        try:
            work(broker.connection())
            self.away_since = None
        except broker.UNREACHABLE as error:
            if self.away_since is None:
                self.away_since = time.monotonic()
                log.error("The broker does not answer (%s); cameras go on.", type(error).__name__)
        except Exception:
            log.exception("The herald stumbled and goes on.")

    def _tell(self, server: redis.Redis) -> None:
        self._look_who_watches(server)
        if time.monotonic() - self._told_at < TELL_S:
            return
        self._told_at = time.monotonic()
        alive_at = min(self.supervisor.alive_at, self.supervisor.mailbox.alive_at)
        if time.monotonic() - alive_at < STUCK_S:
            server.set(
                self._heartbeat, json.dumps({"host": self.supervisor.host, "at": iso(time.time())}), ex=HEARTBEAT_LIFE_S
            )
        told = [self.status(post) for post in self._ours() if not post.wish.removed]
        for status in told:
            statuses.write(server, status)
        statuses.write_known(server, self.supervisor.host, told)
        server.set(broker.key("alerts"), json.dumps(self.supervisor.ledger.open_alerts), ex=60)

    def _ours(self) -> list[Post]:
        """Of a camera that has another host now, that one tells."""
        return [post for post in list(self.supervisor.posts.values()) if not post.wish.elsewhere]

    @property
    def _heartbeat(self) -> str:
        return broker.key("host", self.supervisor.host)

    def _take_leave(self, server: redis.Redis) -> None:
        """Nobody need wait five seconds to hear that a host was stopped."""
        slugs = [post.wish.slug for post in self._ours()]
        server.delete(self._heartbeat, *(broker.key("status", slug) for slug in slugs))

    def _look_who_watches(self, server: redis.Redis) -> None:
        names = [
            (post.wish.slug, quality) for post in self.supervisor.posts.values() if post.child for quality in PRESETS
        ]
        if not names:
            return
        found = server.mget([broker.key("want", *name) for name in names])
        wanted: dict[str, tuple[str, ...]] = {}
        for (slug, quality), value in zip(names, found, strict=True):
            if value is not None:
                wanted[slug] = (*wanted.get(slug, ()), quality)
        self.supervisor.want(wanted)

    def status(self, post: Post) -> statuses.Status:
        state = post.child.state if post.child else {}
        observed, reason = post.observed
        found: dict[str, Any] = {**statuses.absent(post.wish.slug, post.wish.desired, reason)}
        found |= {"observed": observed, "since": iso(post.since), "fps": state.get("fps", 0.0), "faults": post.faults}
        found |= {name: state.get(name) for name in FROM_STATE}
        found |= {name: post.identity.get(name, "") for name in FROM_IDENTITY}
        return cast(statuses.Status, found)
