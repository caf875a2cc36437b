"""Detects that a lost camera is back on the USB bus, by its identity and without opening it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping

from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.ladder_events import record_step
from cameras.supervision.ports import EventSink
from cameras.supervision.quarantine import Quarantine
from cameras.supervision.usb import UsbBus, UsbIdentity

SEARCH_S = 1.0


class ReconnectWatcher:
    """The Supervisor's thread writes the attributes. Each search runs on its own thread and puts its result into
    `_found`."""

    def __init__(self, slots: Mapping[str, CameraSlot], bus: UsbBus, events: EventSink, quarantine: Quarantine) -> None:
        self._slots, self._bus, self._events, self._quarantine = slots, bus, events, quarantine
        self._searched_at = 0.0
        self._search_thread: threading.Thread | None = None
        self._found: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        """One result for each search: camera -> its place on the bus, empty when it is absent."""

    @property
    def searches(self) -> bool:
        """Whether a search is running."""
        return self._search_thread is not None and self._search_thread.is_alive()

    def check_bus(self) -> None:
        """On the Supervisor's thread, on every tick: retry a camera in trouble as soon as it is back."""
        # At most one waits: a search is started only after the previous one has ended.
        found = self._found.get() if not self._found.empty() else {}
        lost: dict[str, UsbIdentity] = {}
        for camera, slot in self._slots.items():
            if slot.usb is None or not slot.in_trouble:
                slot.last_seen = None
                continue
            lost[camera] = slot.usb
            if camera in found:
                self._update_place(slot, found[camera])
        now = time.monotonic()
        if lost and not self.searches and now - self._searched_at >= SEARCH_S:
            self._searched_at = now
            self._search_thread = threading.Thread(
                target=self._search_bus, args=(lost,), name="reconnect-watcher", daemon=True
            )
            self._search_thread.start()

    def _search_bus(self, lost: dict[str, UsbIdentity]) -> None:
        """On its own thread: reading a serial number blocks while another program holds the device."""
        seen = {camera: self._bus.find_device(usb) for camera, usb in lost.items()}
        self._found.put({camera: device.place if device else "" for camera, device in seen.items()})

    def _update_place(self, slot: CameraSlot, place: str) -> None:
        before, slot.last_seen = slot.last_seen, place
        # The first search only shows where a camera is. Another place counts as a return: it was replugged in between.
        if place and before is not None and before != place:
            self._handle_return(slot, place)

    def _handle_return(self, slot: CameraSlot, place: str) -> None:
        text = f"{slot.desired.slug} is back on the bus, as {place}."
        if slot.quarantined:
            self._quarantine.release(slot, "its return", text)
        elif slot.child:
            record_step(self._events, slot, "reconnect", text, reason="its return")
            slot.retry()
