"""A camera that was away and is back: looked for on the USB bus by its identity, never opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cameras.supervision.usb import UsbBus, UsbDevice

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

LOOK_S = 1.0


class Returning:
    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self._looked_at = 0.0

    def look(self) -> None:
        """On the Supervisor's thread, now and then: whoever is in trouble and has just come back is tried at once."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        for post in list(self.supervisor.posts.values()):
            if post.usb is not None and post.in_trouble:
                self._look_for(post)
            else:
                post.last_seen = None

    def _look_for(self, post: Post) -> None:
        assert post.usb is not None
        device = self.bus.find(post.usb)
        before, post.last_seen = post.last_seen, (device.place if device else "")
        if device and before is not None and before != device.place:
            self._is_back(post, device)

    def _is_back(self, post: Post, device: UsbDevice) -> None:
        said = f"{post.wish.slug} is back on the bus, as {device.place}."
        if post.quarantined:
            self.supervisor.climbing.forgive(post, "its return", said)
        elif post.child:
            self.supervisor.climbing.tell(post, "reconnect", said, reason="its return")
            post.retry()
