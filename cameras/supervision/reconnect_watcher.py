"""Detects that a lost camera is back on the USB bus, by its identity and without opening it."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from cameras.supervision.usb import UsbBus, UsbIdentity

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot
    from cameras.supervision.supervisor import Supervisor

SEARCH_S = 1.0


class ReconnectWatcher:
    """The Supervisor's thread writes the attributes. Each search runs on its own thread and puts its result into
    `_found`."""

    def __init__(self, supervisor: Supervisor, bus: UsbBus) -> None:
        self.supervisor, self.bus = supervisor, bus
        self._searched_at = 0.0
        self._search_thread: threading.Thread | None = None
        self._found: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        """One result for each search: camera -> its place on the bus, empty when it is absent."""

    def check_bus(self) -> None:
        """On the Supervisor's thread, on every tick: retry a camera in trouble as soon as it is back."""
        found = self._found.get() if not self._found.empty() else {}
        lost: dict[str, UsbIdentity] = {}
        for identity, slot in self.supervisor.slots.items():
            if slot.usb is None or not slot.in_trouble:
                slot.last_seen = None
                continue
            lost[identity] = slot.usb
            if identity in found:
                self._update_place(slot, found[identity])
        now = time.monotonic()
        searches = self._search_thread is not None and self._search_thread.is_alive()
        if lost and not searches and now - self._searched_at >= SEARCH_S:
            self._searched_at = now
            self._search_thread = threading.Thread(
                target=self._search_bus, args=(lost,), name="reconnect-watcher", daemon=True
            )
            self._search_thread.start()

    def _search_bus(self, lost: dict[str, UsbIdentity]) -> None:
        """On its own thread: reading a serial number blocks while another program holds the device."""
        seen = {identity: self.bus.find_device(usb) for identity, usb in lost.items()}
        self._found.put({identity: device.place if device else "" for identity, device in seen.items()})

    def _update_place(self, slot: CameraSlot, place: str) -> None:
        before, slot.last_seen = slot.last_seen, place
        if place and before is not None and before != place:
            self._handle_return(slot, place)

    def _handle_return(self, slot: CameraSlot, place: str) -> None:
        text = f"{slot.desired.slug} is back on the bus, as {place}."
        if slot.quarantined:
            self.supervisor.recovery_ladder.release_quarantine(slot, "its return", text)
        elif slot.child:
            self.supervisor.recovery_ladder.record_step(slot, "reconnect", text, reason="its return")
            slot.retry()
