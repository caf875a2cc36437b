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
from core.text.sentences import sentence

SEARCH_S = 1.0


class ReconnectWatcher:
    """The Supervisor's thread writes the attributes. Each lost camera is searched for on its own thread, which puts the
    result into `_found`: a device that hangs does not hide the return of other cameras."""

    def __init__(self, slots: Mapping[str, CameraSlot], bus: UsbBus, events: EventSink, quarantine: Quarantine) -> None:
        self._slots, self._bus, self._events, self._quarantine = slots, bus, events, quarantine
        self._searched_at = 0.0
        self._searches: dict[str, threading.Thread] = {}
        """Camera -> its last search."""
        self._found: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        """One result for each search: the camera and its place on the bus, empty when it is absent."""

    @property
    def searches(self) -> bool:
        """Whether a search is running."""
        return any(search.is_alive() for search in self._searches.values())

    def check_bus(self) -> None:
        """On the Supervisor's thread, on every tick: retry a camera in trouble as soon as it is back."""
        # Of a camera with two results the later one counts.
        found = dict(self._found.get() for _ in range(self._found.qsize()))
        now = time.monotonic()
        is_due = now - self._searched_at >= SEARCH_S
        if is_due:
            self._searched_at = now
        for camera, slot in self._slots.items():
            if slot.usb is None or not slot.in_trouble:
                slot.last_seen = None
                continue
            if camera in found:
                self._update_place(slot, found[camera])
            if is_due:
                self._start_search(camera, slot.usb)

    def _start_search(self, camera: str, usb: UsbIdentity) -> None:
        if camera in self._searches and self._searches[camera].is_alive():
            return
        search = threading.Thread(target=self._search_bus, args=(camera, usb), name="reconnect-watcher", daemon=True)
        search.start()
        self._searches[camera] = search

    def _search_bus(self, camera: str, usb: UsbIdentity) -> None:
        """On its own thread: reading a serial number blocks while another program holds the device."""
        device = self._bus.find_device(usb)
        self._found.put((camera, device.place if device else ""))

    def _update_place(self, slot: CameraSlot, place: str) -> None:
        before, slot.last_seen = slot.last_seen, place
        # The first search only shows where a camera is. Another place counts as a return: it was replugged in between.
        if place and before is not None and before != place:
            self._handle_return(slot, place)

    def _handle_return(self, slot: CameraSlot, place: str) -> None:
        text = sentence("{camera} is back on the bus, as {place}.", camera=slot.desired, place=place)
        if slot.quarantined:
            self._quarantine.release(slot, "its return", text)
        elif slot.child:
            record_step(self._events, slot, "reconnect", text, reason="its return")
            slot.retry()
