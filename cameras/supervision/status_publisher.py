"""The Supervisor's access to the broker, on its own thread: heartbeat, status of each camera, requested live views;
and a Redis user for each watched camera process. It may publish this camera's live pictures and nothing else: a
camera process decodes what comes from the network and runs vendor libraries, so it must not be able to command other
cameras, or to read or write what the station keeps in Redis."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import psutil
import redis
from django.conf import settings

from cameras.live.presets import PRESETS, LoadShedder
from cameras.spool.moments import iso
from cameras.status import status as statuses
from cameras.status.messages import Heartbeat, Status
from cameras.status.process_usage import ProcessUsageWriter
from cameras.status.status import clock_ahead_s
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.camera_status import own_slots
from cameras.supervision.child import LiveView
from cameras.supervision.ports import Liveness, Snapshots, StatusSource
from core.broker import broker
from core.outages import describe_failure
from core.periodic.thread import PeriodicThread
from core.times.clocks import clock_state
from core.versions import PROTOCOL, SCHEMA, SKYCAM

log = logging.getLogger(__name__)
CHECK_S = 1.0
NO_ACL = ("unknown command", "error in acl setuser modifier")
"""Refusals of a server that has no users (before Redis 6) or whose users have no channels (before Redis 6.2)."""
NOT_PASSED_ON = {"db", "username", "password"}
"""URL options that are dropped: publishing needs no database, and the login differs."""


class BrokerUsers:
    """Creates the users, and creates them again when the server has lost them. Passwords live as long as this object.
    Used by one thread."""

    def __init__(self) -> None:
        self._passwords: dict[str, str] = {}
        self._checked_at = -CHECK_S
        self._refused = False
        """The server cannot have such users, or the station's own user may not create any."""

    def urls(self, server: redis.Redis, slugs: Iterable[str]) -> dict[str, str]:
        """Slug -> the address that its camera process may use. Raises redis.RedisError and OSError."""
        station, wanted = settings.STATION, list(slugs)
        if station.camera_redis_url:
            return dict.fromkeys(wanted, station.camera_redis_url)
        self._ensure_users(server, wanted)
        if self._refused:
            return dict.fromkeys(wanted, station.redis_url)
        return {slug: with_login(station.redis_url, user_of(slug), self._passwords[slug]) for slug in wanted}

    def delete_users(self, server: redis.Redis) -> None:
        """Delete the users when the Supervisor stops."""
        if self._passwords and not self._refused:
            run_acl(server, "DELUSER", *map(user_of, self._passwords))

    def _ensure_users(self, server: redis.Redis, slugs: list[str]) -> None:
        new = [slug for slug in slugs if slug not in self._passwords]
        if not slugs or (not new and time.monotonic() - self._checked_at < CHECK_S):
            return
        self._checked_at = time.monotonic()
        for slug in new:
            # Stored even if the server fails below: the check of CHECK_S then creates the missing user.
            self._passwords[slug] = secrets.token_urlsafe(32)
        try:
            # A server that was restarted has forgotten its users.
            missing = [slug for slug in slugs if slug in new or not user_exists(server, slug)]
            for slug in missing:
                run_acl(server, "SETUSER", *rules(slug, self._passwords[slug]))
        except redis.ResponseError as error:
            self._note_refusal(error)
        else:
            self._refused = False

    def _note_refusal(self, error: redis.ResponseError) -> None:
        """Raises every error that is no refusal."""
        message = str(error).lower()
        if not isinstance(error, redis.exceptions.NoPermissionError) and not any(text in message for text in NO_ACL):
            raise error
        if not self._refused:
            log.warning(
                "The broker lets this station create no users (%s): camera processes use the station's own access. "
                "Set CAMERA_REDIS_URL to a user that may only publish.",
                error,
            )
        self._refused = True


def user_of(slug: str) -> str:
    return f"skycam-{settings.STATION.station.id}-{slug}"


def rules(slug: str, password: str) -> list[str]:
    """The password goes to the server as its hash, so that no log of the server holds it."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    channels = broker.key("live", slug, "*")
    # The server applies them in this order. `reset` removes what an earlier Supervisor gave to a user of this name.
    return [user_of(slug), "reset", "on", f"#{digest}", f"&{channels}", "-@all", "+publish"]


def user_exists(server: redis.Redis, slug: str) -> bool:
    return run_acl(server, "GETUSER", user_of(slug)) is not None


def run_acl(server: redis.Redis, *words: str) -> Any:
    return server.execute_command("ACL", *words)  # type: ignore[no-untyped-call]


def with_login(url: str, user: str, password: str) -> str:
    """The URL with this login instead of its own."""
    parts = urlsplit(url)
    options = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in NOT_PASSED_ON])
    place = parts.netloc.rpartition("@")[2]
    # The path of a TCP address is the number of the database.
    path = parts.path if parts.scheme == "unix" else ""
    return SplitResult(parts.scheme, f"{quote(user)}:{quote(password)}@{place}", path, options, "").geturl()


def idle_core_s() -> float:
    """Seconds since the machine started for which a core had nothing to do, summed over all cores."""
    times = psutil.cpu_times()
    # A core that only waits for a disk could run a process.
    return times.idle + times.iowait


class LiveViews:
    """Used by one thread, which writes `live` of the processes."""

    def __init__(self, slots: Mapping[str, CameraSlot], load_shedder: LoadShedder, broker_users: BrokerUsers) -> None:
        self._slots, self._load_shedder, self._broker_users = slots, load_shedder, broker_users

    def update_viewers(self, server: redis.Redis) -> None:
        """Read what is watched, and tell the processes. Raises redis.RedisError and OSError."""
        names = [(slot.desired.slug, quality) for slot in self._slots.values() if slot.child for quality in PRESETS]
        if not names:
            return
        # One request for all cameras, since this runs five times a second.
        found = server.mget([broker.key("want", *name) for name in names])
        wanted: dict[str, tuple[str, ...]] = {}
        for (slug, quality), value in zip(names, found, strict=True):
            if value is not None:
                wanted[slug] = (*wanted.get(slug, ()), quality)
        send_live_views(self._slots, wanted, self._load_shedder.level, self._broker_users.urls(server, wanted))


def send_live_views(
    slots: Mapping[str, CameraSlot],
    wanted: Mapping[str, tuple[str, ...]],
    lowered: int = 0,
    redis_urls: Mapping[str, str] | None = None,
) -> None:
    """Tell each camera process which qualities are watched (`wanted`, by slug), by how many steps they are lowered, and
    the Redis URL it publishes to."""
    urls = redis_urls or {}
    for slot in slots.values():
        # Read once: `live` must be noted at the process that was sent it, and the slot may have another one by then.
        desired, child = slot.desired, slot.child
        live = LiveView(wanted.get(desired.slug, ()), lowered, desired.presets, urls.get(desired.slug, ""))
        if child and child.live != live and child.send(live.command()):
            child.live = live


PUBLISH_S = 1.0
HEARTBEAT_LIFE_S = 5
NAME_LIFE_S = 7 * 86_400
ALERTS_LIFE_S = 60
SHARED_S = 5.0
STUCK_S = 5.0
"""When the Supervisor's loop has stood still this long, no heartbeat is sent."""


class StatusPublisher:
    """Only its thread writes the attributes. Any thread may call `publish_status`. `_writing` is held from building a
    status until it is written, so that an older status never replaces a newer one."""

    def __init__(
        self,
        host: str,
        slots: Mapping[str, CameraSlot],
        statuses: StatusSource,
        snapshots: Snapshots,
        load_shedder: LoadShedder,
        loops: Sequence[Liveness],
    ) -> None:
        """A heartbeat is sent while all `loops` go round."""
        self._host, self._slots, self._statuses, self._snapshots = host, slots, statuses, snapshots
        self._load_shedder, self._loops = load_shedder, loops
        self._broker_users, self._usage = BrokerUsers(), ProcessUsageWriter()
        self._live_views = LiveViews(slots, load_shedder, self._broker_users)
        self.away_since: float | None = None
        self._published_at = 0.0
        self._written_at: dict[str, float] = {}
        """Camera's slug -> when its status was written. Under `_writing`."""
        self._shared: tuple[str, str] = "", ""
        self._shared_at = float("-inf")
        """What was written for the whole station, and when."""
        self._writing = threading.Lock()
        self._thread = PeriodicThread("status-publisher", self.run_once, at_end=self._withdraw_host)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=2.0)

    def publish_status(self, slot: CameraSlot) -> None:
        """Publish the status of one camera at once, before the answer about its change is sent."""
        try:
            self._write_status(broker.connection(), slot)
        except broker.UNREACHABLE as error:
            log.warning("The status of %s could not be written: %s", slot.desired.slug, type(error).__name__)

    def publish_all(self, server: redis.Redis) -> None:
        """Everything that a host writes each second. Raises redis.RedisError and OSError."""
        if self._snapshots.snapshot.is_refused:
            return  # the machine that has this host's name writes them
        # Before the writes: while the broker refuses them, they are tried each PUBLISH_S and not in each run.
        self._published_at = time.monotonic()
        self.check_load()
        snapshot = self._snapshots.snapshot
        if max(loop.age_s for loop in self._loops) < STUCK_S:
            server.set(broker.key("host", self._host), json.dumps(self._heartbeat(server)), ex=HEARTBEAT_LIFE_S)
        slots = own_slots(self._slots)
        written = [self._write_status(server, slot) for slot in slots if not slot.desired.removed]
        pids = {slot.desired.slug: child.process.pid for slot in slots if (child := slot.child)}
        self._usage.write_usage(server, pids)
        statuses.write_known_cameras(server, self._host, written)
        self._publish_of_station(server, (snapshot.station_name, json.dumps(snapshot.open_alerts)))

    def _publish_of_station(self, server: redis.Redis, shared: tuple[str, str]) -> None:
        """On a change, and so often that a broker that was emptied has it soon."""
        now = time.monotonic()
        if shared == self._shared and now - self._shared_at < SHARED_S:
            return
        name, alerts = shared
        server.set(broker.key("name"), name, ex=NAME_LIFE_S)
        server.set(broker.key("alerts"), alerts, ex=ALERTS_LIFE_S)
        self._shared, self._shared_at = shared, now

    def _heartbeat(self, server: redis.Redis) -> Heartbeat:
        beat = Heartbeat(
            host=self._host, at=iso(time.time()), version=SKYCAM, clock=clock_state(),
            ahead_s=round(clock_ahead_s(server), 3), schema=SCHEMA, protocol=PROTOCOL,
        )  # fmt: skip
        if (ahead_s := self._snapshots.snapshot.database_ahead_s) is not None:
            beat["database_ahead_s"] = round(ahead_s, 3)
        if zone := self._snapshots.snapshot.time_zone:
            beat["time_zone"] = zone
        if self._snapshots.snapshot.is_draining:
            beat["draining"] = True
        return beat

    def check_load(self) -> None:
        """Measure the load of the machine; once a second."""
        self._load_shedder.thresholds = self._snapshots.snapshot.live.cpu_thresholds
        if self._load_shedder.update_level():
            load, what = self._load_shedder.percent, self._load_shedder.description
            log.warning("Live view: the load is %.0f %%; %s.", load, what)

    def _write_status(self, server: redis.Redis, slot: CameraSlot) -> Status:
        with self._writing:
            status, now = self._statuses.build_status(slot), time.monotonic()
            # Half of its life: the expiry that it has ends later than this write.
            renews = now - self._written_at.get(status["camera"], float("-inf")) < statuses.STATUS_TTL_S / 2
            statuses.write_status(server, status, renews=renews)
            self._written_at[status["camera"]] = now
        return status

    def run_once(self) -> None:
        """A first viewer waits at most for its interval until the camera's process is asked for pictures."""
        with self._noting_outage():
            server = broker.connection()
            # Before the live views: when the broker refuses those, this host must still not count as down.
            if time.monotonic() - self._published_at >= PUBLISH_S:
                self.publish_all(server)
            self._live_views.update_viewers(server)

    def _withdraw_host(self) -> None:
        """Remove heartbeat and status, so that a stopped host is seen at once."""
        if self._snapshots.snapshot.is_refused:
            return
        # The status of a camera that moved belongs to its new host.
        slugs = [slot.desired.slug for slot in own_slots(self._slots)]
        with self._noting_outage():
            server = broker.connection()
            server.delete(broker.key("host", self._host), *(broker.key("status", slug) for slug in slugs))
            self._broker_users.delete_users(server)

    @contextlib.contextmanager
    def _noting_outage(self) -> Iterator[None]:
        try:
            yield
            self.away_since = None
        except broker.UNREACHABLE as error:
            if self.away_since is None:
                self.away_since = time.monotonic()
                log.error("The broker does not answer: %s. Cameras continue.", describe_failure(error))
