"""How many viewers may watch at a time: all together, and of one user. Anyone over a limit is refused."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

from cameras.live.viewer import Viewer
from cameras.live.viewer_registry import Counts, Renewal, ViewerRegistry
from cameras.sockets.subscription import CONNECTION_ERRORS

log = logging.getLogger(__name__)
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
