"""A camera that was away and is back: looked for on the USB bus by its identity, never opened."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cameras.supervision.usb import UsbBus, UsbIdentity

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

LOOK_S = 1.0


class Returning:
    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self._looked_at = 0.0
        self._looking = False
        self._found: dict[str, str] = {}
        """Camera -> its place on the bus, empty where it is not there: the news of the last search."""

    def look(self) -> None:
        """On the Supervisor's thread, now and then: whoever is in trouble and has just come back is tried at once."""
        found, self._found = self._found, {}
        missed: dict[str, UsbIdentity] = {}
        for identity, post in self.supervisor.posts.items():
            if post.usb is None or not post.in_trouble:
                post.last_seen = None
                continue
            missed[identity] = post.usb
            if identity in found:
                self._take(post, found[identity])
        now = time.monotonic()
        if missed and not self._looking and now - self._looked_at >= LOOK_S:
            self._looked_at, self._looking = now, True
            threading.Thread(target=self._search, args=(missed,), name="returning", daemon=True).start()

    def _search(self, missed: dict[str, UsbIdentity]) -> None:
        """On a thread of its own: to ask for a serial number, the kernel waits for whoever has the device."""
        try:
            seen = {identity: self.bus.find(usb) for identity, usb in missed.items()}
            self._found = {identity: device.place if device else "" for identity, device in seen.items()}
        finally:
            self._looking = False

    def _take(self, post: Post, place: str) -> None:
        before, post.last_seen = post.last_seen, place
        if place and before is not None and before != place:
            self._is_back(post, place)

    def _is_back(self, post: Post, place: str) -> None:
        said = f"{post.wish.slug} is back on the bus, as {place}."
        if post.quarantined:
            self.supervisor.climbing.forgive(post, "its return", said)
        elif post.child:
            self.supervisor.climbing.tell(post, "reconnect", said, reason="its return")
            post.retry()
