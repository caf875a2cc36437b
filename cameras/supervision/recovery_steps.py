"""Steps around the recovery ladder: quarantine, a reset of the USB port, and the return of a lost camera; each is an
event `camera.ladder` with its reason."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from typing import Any

from cameras.supervision.camera_slot import CameraSlot, PortReset
from cameras.supervision.ports import EventSink, Waker
from cameras.supervision.recovery_policy import STEPS
from cameras.supervision.usb import UsbBus, UsbError, UsbIdentity
from core.text.sentences import sentence

LADDER_STEPS = (*STEPS, "back_off", "usb_reset", "quarantine", "release")


def record_step(
    events: EventSink, slot: CameraSlot, step: str, why: str, severity: str = "warning", **data: Any
) -> None:
    """Record the event of a step; `why` is the whole message. On any thread."""
    events.record_event("camera.ladder", why, severity, slot.desired, {"step": step, **data})


BY_PERSON = "a person"


class Quarantine:
    """Has no state of its own: it writes `quarantined` of the slots. Only the Supervisor's thread uses it."""

    def __init__(self, events: EventSink) -> None:
        self._events = events

    def quarantine(self, slot: CameraSlot, cause: str) -> None:
        slot.quarantined = (
            f"It failed {slot.restarts.failures} times in a row, the last time because: {cause} "
            "Check the camera and the log, then connect it."
        )
        whole = sentence("{camera} is quarantined. {why}", camera=slot.desired, why=slot.quarantined)
        # The next search only notes where the camera is: one that is still attached has not returned.
        slot.last_seen = None
        failures = slot.restarts.failures
        record_step(self._events, slot, "quarantine", whole, "error", failures=failures, reason=cause)
        self._events.raise_alert(f"camera.quarantined:{slot.desired.slug}", whole, "critical", slot.desired)
        self._events.record_observed(slot, "quarantined", slot.quarantined)

    def release(self, slot: CameraSlot, who: str = "", text: str = "") -> None:
        """End a quarantine, also one of an earlier Supervisor that left its alert open."""
        if slot.quarantined and who:
            text = text or sentence("{camera} was released by {who}.", camera=slot.desired, who=who)
            record_step(self._events, slot, "release", text, "info", reason=who)
        slot.quarantined = ""
        slot.restarts.reset()
        self._events.resolve_alert(f"camera.quarantined:{slot.desired.slug}")

    def retry_now(self, slot: CameraSlot) -> None:
        """Retry at once, on the request of a person."""
        self.release(slot, BY_PERSON)
        slot.retry()


RESET_S = 30.0
"""A reset of a USB port that takes longer may never end and is no longer waited for."""


class PortResetter:
    """Has no state of its own. `reset_port` runs on the Supervisor's thread and writes `port_reset` of the slot; the
    reset has its own thread, which only ends the `PortReset` that it was given. It is waited for at most `reset_s`."""

    def __init__(self, events: EventSink, bus: UsbBus, wake: Waker, reset_s: float = RESET_S) -> None:
        self._events, self._bus, self._wake, self._reset_s = events, bus, wake, reset_s

    def reset_port(self, slot: CameraSlot) -> None:
        """Returns at once: the kernel may take seconds."""
        # Before the thread starts: the next tick must not start a process during the reset.
        slot.port_reset = PortReset(time.monotonic() + self._reset_s)
        name = f"{slot.desired.slug}-usb"
        # With the object: a reset that ends after `reset_s` must not end a later one of this slot.
        threading.Thread(target=self._run, args=(slot, slot.port_reset), name=name, daemon=True).start()

    def _run(self, slot: CameraSlot, port_reset: PortReset) -> None:
        usb = slot.usb
        try:
            assert usb is not None
            device = self._bus.find_device(usb)
            if device is None:
                raise UsbError("The camera is not on the USB bus, or another device is just like it.")
            self._bus.reset_port(device)
            text = sentence("The USB port of {camera} was reset.", camera=slot.desired)
            record_step(self._events, slot, "usb_reset", text, place=device.place)
        except UsbError as error:
            why = sentence("The USB port of {camera} cannot be reset. {error}", camera=slot.desired, error=error)
            record_step(self._events, slot, "usb_reset", why, "error", reason=str(error))
        finally:
            port_reset.end()
            self._wake()


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
