"""Lost cameras that return to the bus."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from cameras.supervision.camera_slot import Hardware
from cameras.supervision.recovery_steps import Quarantine, ReconnectWatcher
from cameras.supervision.usb import UsbIdentity
from tests.harness.far_ends.usbdevfs.usb_bus import FakeBus
from tests.harness.supervision.hosts import DESIRED, Events, slots_of
from tests.harness.waiting import eventually

HANGING, RETURNING = UsbIdentity("04b0", "0439", "3004"), UsbIdentity("046d", "0825")


@pytest.fixture
def fake_bus(tmp_path: Path) -> FakeBus:
    return FakeBus(tmp_path)


def test_a_camera_whose_device_hangs_does_not_hide_the_return_of_another(fake_bus: FakeBus) -> None:
    slots, events = slots_of(DESIRED, dataclasses.replace(DESIRED, id="2", slug="cheap")), Events()
    for slot, usb in zip(slots.values(), (HANGING, RETURNING), strict=True):
        slot.hardware, slot.quarantined = Hardware(usb=usb), "It failed."
    watcher = ReconnectWatcher(slots, fake_bus.bus, events, Quarantine(events))
    fake_bus.plug("1-1", 4, HANGING.vendor, HANGING.product)
    serial = fake_bus.hang("1-1")

    def sees(place: str) -> bool:
        watcher.check_bus()
        return slots["2"].last_seen == place

    eventually(lambda: sees(""))
    fake_bus.plug("1-2", 5, RETURNING.vendor, RETURNING.product)
    eventually(lambda: sees("usb:001,005"))
    os.close(os.open(serial, os.O_RDWR))  # ends the read that waits
    assert [bool(slot.quarantined) for slot in slots.values()] == [True, False]
