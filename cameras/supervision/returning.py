"""A camera that was away and is back: looked for on the USB bus by its identity, never opened."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from cameras.supervision.usb import UsbBus, UsbIdentity

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

LOOK_S = 1.0


class Returning:
    """The Supervisor's thread writes what is here; a search hands over what it found in `_found`, and ends with its
    thread."""

    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self._looked_at = 0.0
        self._search_thread: threading.Thread | None = None
        self._found: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        """Of each search: camera -> its place on the bus, empty where it is not there."""

    def look(self) -> None:
        """On the Supervisor's thread, now and then: whoever is in trouble and has just come back is tried at once."""
        found = self._found.get() if not self._found.empty() else {}
        missed: dict[str, UsbIdentity] = {}
        for identity, post in self.supervisor.posts.items():
            if post.usb is None or not post.in_trouble:
                post.last_seen = None
                continue
            missed[identity] = post.usb
            if identity in found:
                self._take(post, found[identity])
        now = time.monotonic()
        searches = self._search_thread is not None and self._search_thread.is_alive()
        if missed and not searches and now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self._search_thread = threading.Thread(target=self._search, args=(missed,), name="returning", daemon=True)
            self._search_thread.start()

    def _search(self, missed: dict[str, UsbIdentity]) -> None:
        """On a thread of its own: to ask for a serial number, the kernel waits for whoever has the device."""
        seen = {identity: self.bus.find(usb) for identity, usb in missed.items()}
        self._found.put({identity: device.place if device else "" for identity, device in seen.items()})

    def _take(self, post: Post, place: str) -> None:
        before, post.last_seen = post.last_seen, place
        if place and before is not None and before != place:
            self._is_back(post, place)

    def _is_back(self, post: Post, place: str) -> None:
        said = f"{post.desired.slug} is back on the bus, as {place}."
        if post.quarantined:
            self.supervisor.climbing.forgive(post, "its return", said)
        elif post.child:
            self.supervisor.climbing.tell(post, "reconnect", said, reason="its return")
            post.retry()
