"""The Supervisor's broker side, on a thread of its own: heartbeat, status of each camera, who wants live pictures."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import psutil
import redis
from django.conf import settings

from cameras import broker
from cameras import status as statuses
from cameras.leases import told_of, who_holds
from cameras.live.load_shedder import LoadShedder
from cameras.live.presets import PRESETS
from cameras.process_usage import ProcessUsage
from cameras.runtime.body import still_wished
from cameras.runtime.recording_state import is_recording, observed_recording, shared
from cameras.runtime.sessions import iso
from cameras.runtime.spec import Recording
from cameras.supervision.broker_users import BrokerUsers

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
WANT_S = 0.2
TELL_S = 1.0
HEARTBEAT_LIFE_S = 5
NAME_LIFE_S = 7 * 86_400
FROM_STATE = ("session", "last_frame", "temperature_celsius", "battery_percent", "card_free_bytes")
FROM_IDENTITY = ("vendor", "model", "serial", "firmware")
KEEPS = {
    "busy": "It takes a picture.", "starting": "It is being opened.", "disconnected": "It is disconnected.",
    "disabled": "It is disabled.",
}  # fmt: skip
"""What keeps a camera from being recorded, where no reason is told."""
STUCK_S = 5.0
"""A Supervisor whose loop stood still this long gives no heartbeat."""


class Herald:
    """Its thread alone writes what is here. `tell` and `status` are for any thread; `_writing` is held from the reading
    of a status until it is written, so that an older one never replaces a newer one."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.away_since: float | None = None
        self.load_shedder = LoadShedder(settings.STATION.live_streaming_config.cpu_thresholds, psutil.cpu_percent)
        self.broker_users, self.usage = BrokerUsers(), ProcessUsage()
        self._told_at = 0.0
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="herald", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def tell(self, post: Post) -> None:
        """From another thread: the status of one camera, before somebody hears what has changed in it."""
        try:
            self._write(broker.connection(), post)
        except broker.UNREACHABLE as error:
            log.warning("The status of %s could not be written: %s", post.wish.slug, type(error).__name__)

    def _write(self, server: redis.Redis, post: Post) -> statuses.Status:
        with self._writing:
            status = self.status(post)
            statuses.write(server, status)
        return status

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
        self._look_at_load()
        alive_at = min(self.supervisor.alive_at, self.supervisor.mailbox.alive_at)
        if time.monotonic() - alive_at < STUCK_S:
            server.set(
                self._heartbeat, json.dumps({"host": self.supervisor.host, "at": iso(time.time())}), ex=HEARTBEAT_LIFE_S
            )
        told = [self._write(server, post) for post in self._ours() if not post.wish.removed]
        pids = {post.wish.slug: child.process.pid for post in self._ours() if (child := post.child)}
        self.usage.write(server, pids)
        statuses.write_known(server, self.supervisor.host, told)
        server.set(broker.key("name"), self.supervisor.ledger.station_name, ex=NAME_LIFE_S)
        server.set(broker.key("alerts"), json.dumps(self.supervisor.ledger.open_alerts), ex=60)

    def _look_at_load(self) -> None:
        self.load_shedder.thresholds = self.supervisor.ledger.seen.live.cpu_thresholds
        if self.load_shedder.update_level():
            log.warning("Live view: the load is %.0f %%; %s.", self.load_shedder.percent, self.load_shedder.description)

    def _ours(self) -> list[Post]:
        """Of a camera that has another host now, that one tells."""
        return [post for post in self.supervisor.posts.values() if not post.wish.elsewhere]

    @property
    def _heartbeat(self) -> str:
        return broker.key("host", self.supervisor.host)

    def _take_leave(self, server: redis.Redis) -> None:
        """Nobody need wait five seconds to hear that a host was stopped."""
        slugs = [post.wish.slug for post in self._ours()]
        server.delete(self._heartbeat, *(broker.key("status", slug) for slug in slugs))
        self.broker_users.forget(server)

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
        self.supervisor.want(wanted, self.load_shedder.level, self.broker_users.urls(server, wanted))

    @property
    def lowered(self) -> str:
        """Why live pictures are less than they might be; empty where they are not."""
        if not self.load_shedder.level:
            return ""
        percent = f"{self.load_shedder.percent:.0f} %"
        return f"The camera host is busy ({percent} of its processors): {self.load_shedder.description}."

    def status(self, post: Post) -> statuses.Status:
        wish, state, identity = post.wish, post.state, post.identity
        observed, reason = post.observed
        found: dict[str, Any] = {**statuses.absent(wish.slug, wish.desired, reason)}
        found |= {"observed": observed, "since": iso(post.since), "fps": state.get("fps", 0.0), "faults": post.faults}
        found["differs"] = still_wished(state.get("differs") or [], wish.settings)
        found |= {name: state.get(name) for name in FROM_STATE}
        found["last_capture"] = self._last_capture(wish.id, state)
        recording = cast("Recording | None", wish.recording)
        others = (other.state.get("recorder") for other in self._ours() if other is not post)
        found["recorder"] = shared(observed_recording(state, recording, reason or KEEPS.get(observed, "")), others)
        found["recording"] = is_recording(found["recorder"])
        found |= {name: identity.get(name, "") for name in FROM_IDENTITY}
        found |= told_of(who_holds(wish.lease, wish.runner))
        found["lowered"] = self.lowered
        return cast(statuses.Status, found)

    def _last_capture(self, camera: str, state: Mapping[str, Any]) -> statuses.LastCapture | None:
        """The newer one of what its process says, each second, and of what was taken in, maybe of a process before."""
        known = (state.get("last_capture"), self.supervisor.ledger.seen.last_captures.get(camera))
        return max((one for one in known if one), key=itemgetter("at"), default=None)
