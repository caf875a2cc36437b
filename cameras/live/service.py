"""`LiveStreamingService`: who watches, and the newest pictures of the cameras for all viewers of a web process.

A picture is wanted by a key with a short life; the camera's process then encodes it once for everybody. No queue of
pictures exists: whoever may not have one now gets the newest when they may.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from cameras import broker
from cameras.live import statistics
from cameras.live.budget import Budget
from cameras.live.census import Round
from cameras.live.feed import Feed
from cameras.live.governor import FEWER, SMALLER, Governor
from cameras.live.picture import Picture
from cameras.live.places import OFF, NoLive, Places
from cameras.live.presets import PRESETS, Preset, presets_of
from cameras.live.publisher import LOWERED
from cameras.live.reasons import NoFrame, host_limits, no_frame, refused, too_much
from cameras.live.viewer import TRANSPORTS, Transport, Viewer
from cameras.sockets.subscription import CUT
from cameras.status import Status, read_slugs
from core.background import log_and_continue, start_background_task
from monitoring.station_settings import live_streaming_config

log = logging.getLogger(__name__)
STATUS_S = 0.5
"""How long a status read for one viewer serves the others."""
ROUND_S = 0.5
CONFIGURED_S, SETTINGS_S = 1.0, 0.5
"""How old what was read of the settings may be, and how long whoever begins to watch waits for it."""
LOOK_S = 1.0
IDLE_S = 10.0
"""A viewer that asks for nothing, such as a hidden page, gives its place up and takes it again when it asks."""
SAID_FOR_S = 2.0
"""How long a viewer counts as limited after a picture was held back."""


class LiveStreamingService:
    """One in each event loop: `of_this_loop(LiveStreamingService)`. `load` gives this process's, in per cent of a
    processor."""

    def __init__(self, load: Callable[[], float] | None = None) -> None:
        self.config = settings.STATION.live_streaming_config
        self.presets = presets_of(self.config.quality_presets.model_dump())
        self._following: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self.governor = Governor(self.config.cpu_thresholds, load or psutil.Process().cpu_percent)
        self.places = Places(self.config.max_viewers, self.config.max_viewers_per_user)
        self.total = Budget(self.config.bandwidth.total_kbit_s)
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._statuses: dict[str, tuple[float, Status | None]] = {}
        self._running: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    @property
    def enabled(self) -> bool:
        return bool(self.config.enabled)

    # Viewers

    async def create_session(
        self, user_id: str, camera: str, quality: str, transport: Transport, remote: str, end: Callable[[str], None]
    ) -> Viewer:
        """A new viewer, who watches until `end_session`; `end` is called with a sentence when somebody else ends it.

        NoLive where live view is switched off, or everybody's or this user's places are taken.
        """
        await self.follow_settings(SETTINGS_S)
        viewer = Viewer(user_id, camera, quality, transport, remote, end)
        viewer.budget.kbit_s = self.config.bandwidth.per_viewer_kbit_s
        try:
            self.check_enabled()
            await self.places.take(viewer)
        except NoLive as error:
            statistics.REFUSED.labels(error.reason).inc()
            raise
        if self._running is None:
            self._running = start_background_task(self._run(), "live view")
        return viewer

    async def follow_settings(self, wait_s: float = 0.0) -> None:
        """Take up what was changed on the page, asked at most once in CONFIGURED_S, and waited for so long at most:
        nobody's view depends on a database that is busy."""
        if self._following is None or (self._following.done() and time.monotonic() - self._asked_at >= CONFIGURED_S):
            self._asked_at = time.monotonic()
            self._following = start_background_task(self._follow_settings(), "live view settings")
        if not self._following.done():
            await asyncio.wait({self._following}, timeout=wait_s)

    async def _follow_settings(self) -> None:
        config = await asyncio.to_thread(settings_now)
        if config == self.config:
            return
        self.config, self.presets = config, presets_of(config.quality_presets.model_dump())
        self.governor.thresholds = config.cpu_thresholds
        self.places.most, self.places.most_of_a_user = config.max_viewers, config.max_viewers_per_user
        self.total.kbit_s = config.bandwidth.total_kbit_s
        for viewer in list(self.places.viewers.values()):
            viewer.budget.kbit_s = config.bandwidth.per_viewer_kbit_s
            if not self.enabled:  # its next request hears why
                self.end_session(viewer)

    def end_session(self, viewer: Viewer) -> None:
        """Its place is free; for the second time nothing happens."""
        self.places.viewers.pop(viewer.id, None)

    def has(self, viewer: Viewer | None) -> bool:
        return viewer is not None and viewer.id in self.places.viewers

    def check_enabled(self) -> None:
        if not self.enabled:
            raise NoLive("disabled", OFF)

    async def _run(self) -> None:
        """Until nobody watches, and that is told as well."""
        try:
            while True:
                with log_and_continue("live view"):
                    if await self._round():
                        return
                await asyncio.sleep(ROUND_S)
        finally:
            self._running = None

    async def _round(self) -> bool:
        """True when it has told that nobody watches, and nobody has come since."""
        await self.follow_settings()
        self.look_at_load()
        self._forget_idle()
        nobody = not self.places.viewers
        try:
            found = await self.places.renew()
        except CUT:
            found = Round()
        for name, by in found.ended.items():
            if ended := self.places.viewers.get(name):
                self.end_session(ended)
                ended.end(f"{by[:40]} ended this live view.")
        self._share()
        return nobody and not self.places.viewers

    def _forget_idle(self) -> None:
        now = time.monotonic()
        for viewer in [one for one in self.places.viewers.values() if now - one.asked_at > IDLE_S]:
            self.end_session(viewer)
        watching = Counter(viewer.transport for viewer in self.places.viewers.values())
        for transport in TRANSPORTS:
            statistics.VIEWERS.labels(transport).set(watching[transport])

    def _share(self) -> None:
        """Of what all viewers of the station may have together, this process has as much as it has viewers; where it
        has none, its single pictures may have all."""
        own, others = len(self.places.viewers), self.places.others.total()
        if limit := self.config.bandwidth.total_kbit_s:
            self.total.kbit_s = limit * own / (own + others) if own else limit

    def look_at_load(self) -> None:
        """At most once in LOOK_S."""
        if time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        before = self.governor.lowered
        if self.governor.look():
            log.warning("Live view: this process's load is %.0f %%; %s.", self.governor.percent, self.governor.what)
            statistics.LOWERED_TIMES.inc(self.governor.lowered - before)
        statistics.LOWERED.set(self.governor.level)

    # Pictures

    def feed(self, slug: str, quality: str) -> Feed:
        """Of a camera that exists and a quality of PRESETS."""
        if (slug, quality) not in self._feeds:
            self._feeds[slug, quality] = Feed(slug, quality)
        return self._feeds[slug, quality]

    def served(self, quality: str) -> str:
        """The quality that is given for it: the next lower one while this process is busy."""
        names = list(PRESETS)
        return names[max(0, names.index(quality) - (self.governor.level in SMALLER))]

    async def picture(self, viewer: Viewer, quality: str, wait_s: float) -> Picture | None:
        """The newest that this viewer has not had, in its turn; None when none comes in time."""
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        viewer.quality, viewer.asked_at = quality, time.monotonic()
        feed = self.feed(viewer.camera, self.served(quality))
        if not await self._has_turn(viewer, feed, deadline):
            return None
        return await feed.newer(viewer.last, max(0.0, deadline - now()))

    def gave(self, viewer: Viewer, picture: Picture, size: int) -> None:
        """It is on its way, with `size` bytes."""
        viewer.took(picture.serial, size)
        self.total.spend(size)
        if self.governor.level in FEWER:
            viewer.turn_at = time.monotonic() + 2 / self.presets[picture.quality].fps
        statistics.FRAMES.labels(picture.quality).inc()
        statistics.BYTES.inc(size)

    async def _has_turn(self, viewer: Viewer, feed: Feed, deadline: float) -> bool:
        """Wait for it where there is a limit, while pictures go by; False when it does not come before the deadline."""
        wait_s = self._wait_s(viewer)
        if not wait_s:
            return True
        loop, passing = asyncio.get_running_loop(), feed.pictures
        while wait_s and loop.time() < deadline:
            feed.ask()
            await asyncio.sleep(min(wait_s, max(0.0, deadline - loop.time())))
            wait_s = self._wait_s(viewer)
        left_out = max(0, feed.pictures - passing - 1)
        viewer.dropped += left_out
        statistics.DROPPED.inc(left_out)
        return not wait_s

    def _wait_s(self, viewer: Viewer) -> float:
        by_rate = max(viewer.budget.wait_s(), self.total.wait_s())
        if by_rate:
            viewer.held_back_at = time.monotonic()
        return max(by_rate, viewer.turn_at - time.monotonic(), 0.0)

    # What is said of it

    async def limits(self, viewer: Viewer, picture: Picture | None) -> dict[str, str]:
        """Why this viewer gets less than its quality: reason -> sentence. Empty where it gets all."""
        found = {}
        if picture and picture.flags & LOWERED:
            status = await self._status(viewer.camera, "")
            found["host_cpu"] = host_limits(status)
        if self.governor.level:
            percent = f"{self.governor.percent:.0f} %"
            found["web_cpu"] = f"The web server is busy ({percent} of a processor): {self.governor.what}."
        if time.monotonic() - viewer.held_back_at < SAID_FOR_S:
            found["bandwidth"] = too_much(self.config.bandwidth, viewer.budget)
        viewer.limited = tuple(found)
        return found

    async def why_none(self, viewer: Viewer, desired: str, quality: str) -> NoFrame:
        if time.monotonic() - viewer.held_back_at < SAID_FOR_S:
            return refused("bandwidth", too_much(self.config.bandwidth, viewer.budget))
        feed = self.feed(viewer.camera, self.served(quality))
        return no_frame(viewer.camera, None if feed.broker_away else await self._status(viewer.camera, desired))

    async def _status(self, slug: str, desired: str) -> Status | None:
        read_at, status = self._statuses.get(slug, (0.0, None))
        if time.monotonic() - read_at > STATUS_S:
            status = await asyncio.to_thread(read_or_none, slug, desired)
            self._statuses[slug] = time.monotonic(), status
        return status


def settings_now() -> Any:
    """On a thread of its own, which keeps no connection to the database: whoever began the task may be gone."""
    try:
        return live_streaming_config()
    finally:
        connection.close()


def read_or_none(slug: str, desired: str) -> Status | None:
    try:
        return read_slugs({slug: desired})[slug]
    except broker.BrokerDown:
        return None


def station_presets() -> dict[str, Preset]:
    """As this station is configured."""
    return presets_of(live_streaming_config().quality_presets.model_dump())
