"""Tells the camera processes which live pictures are watched."""

from __future__ import annotations

from collections.abc import Mapping

import redis

from cameras.live.load_shedder import LoadShedder
from cameras.live.presets import PRESETS
from cameras.supervision.broker_users import BrokerUsers
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import LiveView
from core.broker import broker


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
