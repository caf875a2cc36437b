"""`LiveStreamingService`: the viewers of a web process and the newest pictures of the cameras for them, and their
metrics. A key with a short life requests a quality; the camera's process then encodes each picture once for all
viewers. There is no queue of pictures: a viewer that has to wait gets the newest one afterwards."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from django.conf import settings
from django.db import connection
from prometheus_client import Counter as MetricCounter
from prometheus_client import Gauge, Histogram

from cameras.live.feed import Feed, Picture
from cameras.live.presets import FPS_LEVELS, PRESETS, QUALITY_LEVELS, LoadShedder, Preset, presets_of
from cameras.live.publisher import LOWERED
from cameras.live.viewer import (
    TRANSPORTS,
    NoFrame,
    RateLimiter,
    Transport,
    Viewer,
    bandwidth_message,
    host_load_message,
    no_frame_message,
    refusal_message,
)
from cameras.live.viewer_registry import LIVE_VIEW_OFF, REFUSED_FOR_S, LiveViewRefused, Renewal, ViewerLimits
from cameras.sockets.subscription import CONNECTION_ERRORS
from cameras.status.messages import Status
from cameras.status.status import read_statuses_by_slug
from core.background import log_and_continue, start_background_task
from core.broker import broker
from core.station_settings import live_streaming_config

VIEWERS = Gauge("skycam_live_viewers", "Viewers of live pictures at this web process.", ["transport"])
for transport in TRANSPORTS:
    VIEWERS.labels(transport).set(0)
FRAMES = MetricCounter("skycam_live_frames_total", "Live pictures sent to viewers.", ["quality"])
BYTES = MetricCounter("skycam_live_bytes_total", "Bytes of live pictures sent to viewers.")
DROPPED = MetricCounter("skycam_live_dropped_total", "Live pictures dropped because of a limit.")
REFUSED = MetricCounter("skycam_live_refused_total", "Viewers that were refused.", ["reason"])
LOWERED_VIEWERS = Gauge(
    "skycam_live_lowered", "Level of this process's load: 0 full, 1 smaller pictures, 2 smaller and fewer, 3 fewer."
)
LOWERED_TIMES = MetricCounter(
    "skycam_live_lowered_steps_total", "How often this process's load lowered live view by a step."
)
LATENCY = Histogram(
    "skycam_live_latency_seconds",
    "From the exposure of a frame to its sending to a viewer, by the clocks of both machines.",
    ["quality"],
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)


log = logging.getLogger(__name__)
STATUS_MAX_AGE_S = 0.5
"""How long a status that was read for one viewer is used for the others."""
RUN_EVERY_S = 0.5
SETTINGS_MAX_AGE_S, SETTINGS_WAIT_S = 1.0, 0.5
"""How old the settings may be before they are read again, and how long a new viewer waits for that."""
LIMITED_FOR_S = 2.0
"""How long a viewer counts as limited after a picture was delayed."""


@dataclass(frozen=True, slots=True)
class LiveTimes:
    """In seconds."""

    idle_s: float = 10.0
    """A viewer that requests nothing, such as a hidden page, is ended after this; its next request makes a new one."""
    load_check_every_s: float = 1.0
    refused_for_s: float = REFUSED_FOR_S
    """How long a refusal of a viewer is repeated to that user."""


class LiveSettings:
    """The station's settings of live view. `apply` is called with new ones."""

    def __init__(self, apply: Callable[[Any], None]) -> None:
        self.config = settings.STATION.live_streaming_config
        self.presets = presets_of(self.config.quality_presets.model_dump())
        self._apply = apply
        self._reading: asyncio.Task[None] | None = None
        self._read_at = 0.0

    async def refresh(self, wait_s: float = 0.0) -> None:
        """Read the settings when they are older than SETTINGS_MAX_AGE_S, and wait at most `wait_s` seconds for them: a
        busy database delays no viewer."""
        if self._reading is None or (self._reading.done() and time.monotonic() - self._read_at >= SETTINGS_MAX_AGE_S):
            # At the start, not at the end: while the database is away, it is tried once in SETTINGS_MAX_AGE_S.
            self._read_at = time.monotonic()
            self._reading = start_background_task(self._read(), "live view settings")
        if not self._reading.done():
            # Not `wait_for`, which would cancel the task at the timeout; other viewers wait for it, too.
            await asyncio.wait({self._reading}, timeout=wait_s)

    async def _read(self) -> None:
        config = await asyncio.to_thread(read_settings)
        if config != self.config:
            self.config, self.presets = config, presets_of(config.quality_presets.model_dump())
            self._apply(config)

    def check_enabled(self) -> None:
        """LiveViewRefused when live view is switched off."""
        if not self.config.enabled:
            raise LiveViewRefused("disabled", LIVE_VIEW_OFF)


class StatusCache:
    def __init__(self) -> None:
        self._statuses: dict[str, tuple[float, Status | None]] = {}

    async def read(self, slug: str, desired: str) -> Status | None:
        """None when the broker is away."""
        read_at, status = self._statuses.get(slug, (0.0, None))
        if time.monotonic() - read_at > STATUS_MAX_AGE_S:
            # On a thread: a broker that hangs must not block the event loop.
            status = await asyncio.to_thread(read_status_or_none, slug, desired)
            self._statuses[slug] = time.monotonic(), status
        return status


class LiveStreamingService:
    """One in each event loop: `loop_singleton(LiveStreamingService)`. `load` returns this process's load in per cent of
    a processor."""

    def __init__(self, load: Callable[[], float] | None = None, times: LiveTimes | None = None) -> None:
        self._times = times = times or LiveTimes()
        self.settings = LiveSettings(self._apply_settings)
        config = self.settings.config
        # The load of this process alone: its event loop has one processor, however idle the others are.
        self.load_shedder = LoadShedder(config.cpu_thresholds, load or psutil.Process().cpu_percent)
        self.viewer_limits = ViewerLimits(config.max_viewers, config.max_viewers_per_user, times.refused_for_s)
        self.total_rate_limiter = RateLimiter(config.bandwidth.total_kbit_s)
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._statuses = StatusCache()
        self._running: asyncio.Task[None] | None = None
        self._load_checked_at = 0.0

    # Viewers

    async def create_session(
        self, user_id: str, camera: str, quality: str, transport: Transport, remote: str, end: Callable[[str], None]
    ) -> Viewer:
        """A new viewer, until `end_session`; `end` is called with a sentence when someone else ends it.

        LiveViewRefused when live view is switched off or a limit of viewers is reached.
        """
        await self.settings.refresh(SETTINGS_WAIT_S)
        viewer = Viewer(user_id, camera, quality, transport, remote, end)
        viewer.rate_limiter.kbit_s = self.settings.config.bandwidth.per_viewer_kbit_s
        try:
            self.settings.check_enabled()
            await self.viewer_limits.admit_viewer(viewer)
        except LiveViewRefused as error:
            REFUSED.labels(error.reason).inc()
            raise
        if self._running is None:
            self._running = start_background_task(self._run(), "live view")
        return viewer

    def _apply_settings(self, config: Any) -> None:
        self.load_shedder.thresholds = config.cpu_thresholds
        self.viewer_limits.max_viewers = config.max_viewers
        self.viewer_limits.max_per_user = config.max_viewers_per_user
        self.total_rate_limiter.kbit_s = config.bandwidth.total_kbit_s
        for viewer in list(self.viewer_limits.viewers.values()):
            viewer.rate_limiter.kbit_s = config.bandwidth.per_viewer_kbit_s
            if not config.enabled:  # its next request is answered with the reason
                self.end_session(viewer)

    def end_session(self, viewer: Viewer) -> None:
        """The viewer no longer counts. A second call does nothing."""
        self.viewer_limits.viewers.pop(viewer.id, None)

    def has_viewer(self, viewer: Viewer | None) -> bool:
        return viewer is not None and viewer.id in self.viewer_limits.viewers

    async def _run(self) -> None:
        """Until no one watches and the registry shows it."""
        try:
            while True:
                with log_and_continue("live view"):
                    if await self._run_once():
                        return
                await asyncio.sleep(RUN_EVERY_S)
        finally:
            self._running = None

    async def _run_once(self) -> bool:
        """True when the registry shows no viewers here and none has come since."""
        await self.settings.refresh()
        self.check_load()
        self._end_idle_viewers()
        # Before the renewal is awaited: it shows this count, and a viewer may come meanwhile.
        is_idle = not self.viewer_limits.viewers
        try:
            found = await self.viewer_limits.renew_viewers()
        except CONNECTION_ERRORS:
            found = Renewal()
        for name, by in found.ended.items():
            if ended := self.viewer_limits.viewers.get(name):
                self.end_session(ended)
                # A name may have 150 characters, more than fit into the reason of a close.
                ended.end(f"{by[:40]} ended this live view.")
        self._share_bandwidth()
        return is_idle and not self.viewer_limits.viewers

    def _end_idle_viewers(self) -> None:
        earliest = time.monotonic() - self._times.idle_s
        for viewer in [each for each in self.viewer_limits.viewers.values() if each.requested_at < earliest]:
            self.end_session(viewer)
        watching = Counter(viewer.transport for viewer in self.viewer_limits.viewers.values())
        for transport in TRANSPORTS:
            VIEWERS.labels(transport).set(watching[transport])

    def _share_bandwidth(self) -> None:
        """This process gets a share of `total_kbit_s` by its number of viewers. Without viewers its single pictures may
        use all of it."""
        own, others = len(self.viewer_limits.viewers), self.viewer_limits.others.total()
        if limit := self.settings.config.bandwidth.total_kbit_s:
            self.total_rate_limiter.kbit_s = limit * own / (own + others) if own else limit

    def check_load(self) -> None:
        """At most once in `load_check_every_s`."""
        if time.monotonic() - self._load_checked_at < self._times.load_check_every_s:
            return
        self._load_checked_at = time.monotonic()
        before = self.load_shedder.lowered_steps
        if self.load_shedder.update_level():
            log.warning(
                "Live view: this process's load is %.0f %%; %s.",
                self.load_shedder.percent,
                self.load_shedder.description,
            )
            LOWERED_TIMES.inc(self.load_shedder.lowered_steps - before)
        LOWERED_VIEWERS.set(self.load_shedder.level)

    # Pictures

    def feed(self, slug: str, quality: str) -> Feed:
        """The feed of an existing camera and a quality of PRESETS."""
        if (slug, quality) not in self._feeds:
            self._feeds[slug, quality] = Feed(slug, quality)
        return self._feeds[slug, quality]

    def served_quality(self, quality: str) -> str:
        """The quality that is sent for a requested one: the next lower one while this process is busy."""
        names = list(PRESETS)
        return names[max(0, names.index(quality) - (self.load_shedder.level in QUALITY_LEVELS))]

    async def next_picture(self, viewer: Viewer, quality: str, wait_s: float) -> Picture | None:
        """The newest picture that this viewer has not had, once its limits allow it; None after `wait_s` seconds."""
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        # Before the wait, so that a viewer that waits does not count as idle.
        viewer.quality, viewer.requested_at = quality, time.monotonic()
        feed = self.feed(viewer.camera, self.served_quality(quality))
        if not await self._wait_for_turn(viewer, feed, deadline):
            return None
        return await feed.wait_for_newer(viewer.last_serial, max(0.0, deadline - now()))

    def record_sent(self, viewer: Viewer, picture: Picture, size: int) -> None:
        """Count a picture as sent, with `size` bytes."""
        viewer.record_sent(picture.serial, size)
        self.total_rate_limiter.consume(size)
        if self.load_shedder.level in FPS_LEVELS:
            viewer.next_picture_at = time.monotonic() + 2 / self.settings.presets[picture.quality].fps
        FRAMES.labels(picture.quality).inc()
        LATENCY.labels(picture.quality).observe(picture.age_s)
        BYTES.inc(size)

    async def _wait_for_turn(self, viewer: Viewer, feed: Feed, deadline: float) -> bool:
        """Wait until the limits allow a picture, and count those dropped meanwhile. False at the deadline."""
        wait_s = self._wait_s(viewer)
        if not wait_s:
            return True
        loop, passing = asyncio.get_running_loop(), feed.pictures
        while wait_s and loop.time() < deadline:
            # Or the feed would end while its only viewer waits for bandwidth.
            feed.keep_running()
            await asyncio.sleep(min(wait_s, max(0.0, deadline - loop.time())))
            wait_s = self._wait_s(viewer)
        # The newest one is not dropped: it is sent after the wait.
        dropped = max(0, feed.pictures - passing - 1)
        viewer.dropped += dropped
        DROPPED.inc(dropped)
        return not wait_s

    def _wait_s(self, viewer: Viewer) -> float:
        rate_wait_s = max(viewer.rate_limiter.wait_s(), self.total_rate_limiter.wait_s())
        if rate_wait_s:
            viewer.limited_at = time.monotonic()
        return max(rate_wait_s, viewer.next_picture_at - time.monotonic(), 0.0)

    # Messages

    async def describe_limits(self, viewer: Viewer, picture: Picture | None) -> dict[str, str]:
        """Why this viewer gets less than its quality: reason -> sentence. Empty at full quality."""
        found = {}
        if picture and picture.flags & LOWERED:
            status = await self._statuses.read(viewer.camera, "")
            found["host_cpu"] = host_load_message(status)
        if self.load_shedder.level:
            percent = f"{self.load_shedder.percent:.0f} %"
            found["web_cpu"] = f"The web server is busy ({percent} of a processor): {self.load_shedder.description}."
        if time.monotonic() - viewer.limited_at < LIMITED_FOR_S:
            found["bandwidth"] = bandwidth_message(self.settings.config.bandwidth, viewer.rate_limiter)
        viewer.limited = tuple(found)
        return found

    async def explain_no_frame(self, viewer: Viewer, desired: str, quality: str) -> NoFrame:
        if time.monotonic() - viewer.limited_at < LIMITED_FOR_S:
            return refusal_message("bandwidth", bandwidth_message(self.settings.config.bandwidth, viewer.rate_limiter))
        feed = self.feed(viewer.camera, self.served_quality(quality))
        status = None if feed.broker_away else await self._statuses.read(viewer.camera, desired)
        # The host publishes its status every few seconds: the last picture may be newer.
        if status and feed.newest:
            status = {**status, "last_frame": max(status["last_frame"] or "", feed.newest.captured_at)}
        return no_frame_message(viewer.camera, status)


def read_settings() -> Any:
    """For a thread. It closes the thread's database connection, since no request ends here that would close it."""
    try:
        return live_streaming_config()
    finally:
        connection.close()


def read_status_or_none(slug: str, desired: str) -> Status | None:
    try:
        return read_statuses_by_slug({slug: desired})[slug]
    except broker.BrokerDown:
        return None


def station_presets() -> dict[str, Preset]:
    """The presets as this station is configured."""
    return presets_of(live_streaming_config().quality_presets.model_dump())
