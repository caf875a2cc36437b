"""Resets the USB port of a camera that fails again and again, beside the Supervisor's loop."""

from __future__ import annotations

import threading
import time

from cameras.supervision.camera_slot import CameraSlot, PortReset
from cameras.supervision.ladder_events import record_step
from cameras.supervision.ports import EventSink, Waker
from cameras.supervision.usb import UsbBus, UsbError
from core.text.sentences import sentence

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
